//! The rules of the desk, pure: what a ticket is, what may happen to it, who may do it.
//!
//! No async, no I/O, no clock, no logging: time, ids and the desk's settings arrive in `decide::Context`. Called by the
//! ticket actors for live traffic and by every replay, which must come to the same ticket.

pub mod apply;
pub mod command;
pub mod decide;
pub mod event;
pub mod ids;
pub mod lifecycle;
pub mod message;
pub mod patch;
pub mod permissions;
pub mod record;
pub mod rejection;
pub mod rules;
pub mod sla;
pub mod state;
pub mod text;
pub mod ticket;
pub mod time;
