//! The integration tests, one binary so that it links once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod attack_audit;
mod attack_edge;
mod attack_input;
mod attack_sign_in;
mod attack_teams;
mod command_line;
mod documents;
mod faults;
mod generated;
mod http_edge;
mod http_idempotency;
mod http_openapi;
mod http_people;
mod http_tickets;
mod journal_archive;
mod journal_contract;
mod journal_damage;
mod journal_format;
mod journal_power;
mod journal_store;
mod journal_writer;
mod machine;
mod past;
mod permission_matrix;
mod queue;
mod shipping;
mod spec;
mod support;
mod support_files;
mod triage;
mod triage_command_line;
mod triage_hostile;
mod ws;
