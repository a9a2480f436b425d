//! The `logscan503` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(logscan503::cli::main())
}
