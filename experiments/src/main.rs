//! The command `experiment`.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowmap_experiments::cli::main()
}
