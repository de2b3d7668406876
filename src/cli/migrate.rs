//! `muster migrate`: the schema of the database, or the whole of it from SQLite to PostgreSQL.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Failure;
use super::settings::Settings;
use super::terminal::{data, talk};
use crate::app::{App, MovedTable};
use crate::clock::Clock;
use crate::config::Config;

/// Bring the database up to this version, as `serve` does too; or move an installation from SQLite to PostgreSQL.
///
/// A move copies every table in one transaction, compares counts and digests, and prints them, one JSON object a
/// table. Interrupted, it leaves nothing behind; run again after it was done, it only compares. No server may use
/// either database meanwhile.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Move the installation of this file: `sqlite://PATH`.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Move it here: `postgres://…` [default: the configured database].
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load()?;
        if let Some(from) = &self.from {
            move_installation(&config, from, self.to.as_deref()).await?;
        } else {
            App::store(&config, Clock::System).await?.migrate().await?;
            talk("the database is up to date");
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn move_installation(config: &Config, from: &str, to: Option<&str>) -> Result<(), Failure> {
    let show = |table: &MovedTable| {
        let line = json!({ "table": table.name, "rows": table.rows, "digest": table.digest });
        // Who does not read what was moved lets it be moved all the same.
        drop(data(line));
    };
    let moved = App::transfer(config, from, to, show).await?;
    let (tables, rows) = (moved.tables.len(), moved.tables.iter().map(|table| table.rows).sum::<u64>());
    if moved.was_there {
        talk(format_args!("everything was there already, and is the same: {rows} rows in {tables} tables"));
    } else {
        talk(format_args!("moved {rows} rows in {tables} tables; both databases are the same"));
    }
    talk(
        "What else moves: the secret key of the old installation, secret.key in its data directory, as \
         MUSTER_SECRET_KEY_FILE (by another one no host, session or token is known), and its directory of log lines, \
         which may not all be shipped. The old database stays; do not serve from it any more.",
    );
    Ok(())
}
