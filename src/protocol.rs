//! What goes over the wire: frames, bodies, problems, and the one table of error codes; and the two doors through which
//! the edges reach the desk ([`gateway`] for commands, [`reading`] for questions, [`triaging`] for what the desk makes of a text).
//!
//! Only this module knows wire JSON. OpenAPI and the client's TypeScript are generated from these types.

pub mod code;
pub mod figures;
pub mod frame;
pub mod gateway;
pub mod keys;
pub mod parse;
pub mod preferences;
pub mod presence;
pub mod problem;
pub mod reading;
pub mod requests;
pub mod spreadsheet;
pub mod topic;
pub mod triaging;
mod untagged;
pub mod views;
