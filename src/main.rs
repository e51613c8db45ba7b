//! The binary: hands the command line over to the library and gives its exit status back.

use std::process::ExitCode;

fn main() -> ExitCode {
    hotdesk::cli::run()
}
