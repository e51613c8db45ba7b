#![no_main]

#[path = "../src/rows.rs"]
mod rows;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rows::run(bytes));
