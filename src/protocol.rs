//! What goes over the wire: frames, bodies, problems, and the one table of error codes.
//!
//! Only this module knows wire JSON. OpenAPI and the client's TypeScript are generated from these types.

pub mod code;
pub mod frame;
pub mod parse;
pub mod problem;
pub mod views;
