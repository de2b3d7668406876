//! `muster token`: credentials for programs, on the configured database.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Failure;
use super::settings::Settings;
use super::terminal::data;
use crate::app::App;
use crate::clock::Clock;
use crate::fleet::users::NewApiToken;
use crate::policy::Actor;

/// Make API tokens, on the configured database.
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Create(Create),
}

/// Make an API token that acts as a user, and print its text, this once.
#[derive(Debug, Args)]
struct Create {
    /// E-mail of the user.
    #[arg(long)]
    email: String,
    /// How long it is valid.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = humantime::parse_duration)]
    expires: Duration,
    #[command(flatten)]
    settings: Settings,
}

impl Token {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let TokenCommand::Create(Create { email, expires, settings }) = self.command;
        let fleet = App::core(&settings.load()?, Clock::System).await?;
        let (_, text) = fleet.create_api_token(&Actor::System, NewApiToken::whole(&email, "command line", expires)).await?;
        data(text)?;
        Ok(ExitCode::SUCCESS)
    }
}
