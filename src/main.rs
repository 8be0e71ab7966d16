//! The program's door.

use std::process::ExitCode;

fn main() -> ExitCode {
    lookback::cli::main()
}
