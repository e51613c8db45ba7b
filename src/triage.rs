//! Triage: what a new ticket is about, how sure that is, and what it resembles.
//!
//! Pure code but for the client's socket: no actor, no clock, no disk of its own. Whoever calls hands in texts and times and keeps
//! what comes out.

pub mod deepseek;
pub mod figures;
pub mod groups;
pub mod learner;
pub mod measure;
pub mod mind;
pub mod opinion;
pub mod signs;
pub mod similar;
pub mod waiting;
