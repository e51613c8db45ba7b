//! What the machine gives without a desk: the denominators of the ratios, measured in the same run.
//!
//! The simplest program that keeps the same promise, and nothing else. Called by the command and fan-out measurements.

pub mod commit;
pub mod fan_out;
