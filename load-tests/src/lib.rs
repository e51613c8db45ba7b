//! What tests of the server and people who try things out use of the load tests: a stand-in for DeepSeek.

pub mod deepseek;
