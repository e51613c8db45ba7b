//! The actors: glue between the pure parts and the world. Each file owns one actor and the messages that it receives.
//!
//! Handlers call a pure function and perform its effect. Nothing here knows sockets or wire JSON.

pub mod analytics;
pub mod deadlines;
pub mod directory;
mod history;
pub mod hub;
pub mod presence;
pub mod queue;
pub mod ticket;
pub mod triage;
pub mod vital;
