//! `muster key`: the keys that sign access tokens, on the configured database.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use super::settings::Settings;
use super::terminal::data;
use crate::app::App;
use crate::clock::Clock;
use crate::policy::Actor;

/// Manage the keys that sign access tokens, on the configured database.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    Rotate(Rotate),
}

/// Put a new key in force, on running servers too, and print its `kid`.
#[derive(Debug, Args)]
struct Rotate {
    /// End every access token of earlier keys now, instead of within their 15 minutes; sessions go on by a refresh.
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Key {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let KeyCommand::Rotate(Rotate { at_once, settings }) = self.command;
        let fleet = App::core(&settings.load()?, Clock::System).await?;
        let key = fleet.rotate_signing_key(&Actor::System, at_once).await?;
        data(key.id)?;
        Ok(ExitCode::SUCCESS)
    }
}
