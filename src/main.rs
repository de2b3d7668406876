//! The binary: see [`muster::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    muster::cli::main()
}
