//! The integration tests, one binary so that it links once.

mod generated;
mod journal_contract;
mod journal_store;
mod journal_writer;
