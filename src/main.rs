//! The binary: hands the command line over to the library and gives its exit status back.

use std::process::ExitCode;

/// See `docs/decisions/0005-jemalloc.md`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    hotdesk::cli::run()
}
