//! `muster migrate`: the schema of the database.

use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::settings::Settings;
use super::terminal::talk;
use crate::app::App;
use crate::clock::Clock;

/// Bring the database up to this version; `serve` does it too.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    settings: Settings,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let store = App::store(&self.settings.load()?, Clock::System).await?;
        store.migrate().await?;
        talk("the database is up to date");
        Ok(ExitCode::SUCCESS)
    }
}
