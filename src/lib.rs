//! hotdesk: a real-time support desk whose one source of truth is an ordered journal.
//!
//! The crate is laid out so that imports point one way: `domain` knows nothing of the rest, `app` knows everything. The
//! table in `docs/ARCHITECTURE.md` is checked against the code by a test.

pub mod actors;
pub mod app;
pub mod attachments;
pub mod audit;
pub mod background;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod cloud_log;
pub mod config;
pub mod demo;
pub mod domain;
pub mod errors;
pub mod feed;
pub mod http;
pub mod import;
pub mod journal;
pub mod line;
pub mod outgoing;
pub mod people;
pub mod projections;
pub mod protocol;
pub mod reads;
pub mod session;
pub mod storage;
pub mod telemetry;
pub mod trace;
pub mod triage;
pub mod usage;
