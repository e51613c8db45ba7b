//! Triage: what a new ticket is about, how sure that is, and what it resembles.
//!
//! Pure code: no actor, no clock, no disk of its own. Whoever calls hands in texts and times and keeps what comes out.

pub mod deepseek;
pub mod learner;
pub mod measure;
pub mod similar;
