//! `muster query`: one live query from the command line.

mod targets;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::ask::{Ending, ask};
use super::client::Client;
use super::{Failure, PARTIAL, TIMED_OUT};
use crate::config::Secret;

/// Ask hosts one question; print a line of JSON per answer and the progress on stderr.
///
/// Exits with 0 when all answered, 2 when some failed or never answered, 124 when the time ran out.
#[derive(Debug, Args)]
pub(super) struct Query {
    /// osquery SQL.
    sql: String,
    #[command(flatten)]
    targets: targets::Targets,
    /// How long to wait; the campaign goes on after it.
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// The server.
    #[arg(long, env = "MUSTER_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: String,
    /// API token: `muster token create` makes one.
    #[arg(long, env = "MUSTER_TOKEN", hide_env_values = true, value_parser = secret)]
    token: Secret,
}

impl Query {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = Client::new(&self.server, self.token)?;
        let targets = self.targets.resolve(&client).await?;
        Ok(match ask(&client, &self.sql, targets, self.timeout).await?.ending {
            Ending::TimedOut => ExitCode::from(TIMED_OUT),
            Ending::Ended(totals) if totals.failed + totals.outstanding > 0 => ExitCode::from(PARTIAL),
            Ending::Ended(_) => ExitCode::SUCCESS,
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a parser")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}
