//! `muster version`: what this program was made from.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Failure;
use super::terminal::data;

/// The commit, where whoever built this said it.
const COMMIT: Option<&str> = option_env!("MUSTER_COMMIT");

/// Print the version, and the commit where it is known.
#[derive(Debug, Args)]
pub(super) struct Version {
    /// As a JSON object.
    #[arg(long)]
    json: bool,
}

impl Version {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        if self.json {
            let all = json!({ "name": name, "version": version, "commit": COMMIT, "os": os, "arch": arch });
            data(all)?;
        } else {
            let commit = COMMIT.map(|commit| format!(" ({commit})")).unwrap_or_default();
            data(format_args!("{name} {version}{commit} {os}/{arch}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
