//! `muster completions`: what a shell completes.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::Failure;
use super::terminal::data;

/// Print completions for a shell; `muster completions bash > /etc/bash_completion.d/muster` installs them.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut text = Vec::new();
        generate(self.shell, &mut super::Cli::command(), "muster", &mut text);
        data(String::from_utf8(text)?.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}
