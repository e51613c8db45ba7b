//! The integration tests, one binary so that it links once.

mod architecture;
mod command_line;
mod documents;
mod faults;
mod generated;
mod journal_archive;
mod journal_contract;
mod journal_damage;
mod journal_format;
mod journal_store;
mod journal_writer;
mod queue;
mod spec;
mod support;
mod support_files;
mod ws;
