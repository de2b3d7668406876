//! `muster token`: credentials for programs, on the configured database.

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use entity::id::PublicId;
use entity::kind::TokenScope;
use serde_json::json;

use super::Failure;
use super::settings::Settings;
use super::team::team_named;
use super::terminal::data;
use crate::app::App;
use crate::clock::Clock;
use crate::fleet::hosts::PageRequest;
use crate::fleet::users::{NewApiToken, Whose};
use crate::policy::Actor;

/// Make, list and revoke API tokens, on the configured database.
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Create(Box<Create>),
    List(List),
    Revoke(Revoke),
}

/// Make an API token that acts as a user, and print its text, this once.
#[derive(Debug, Args)]
struct Create {
    /// E-mail of the user.
    #[arg(long)]
    email: String,
    /// Name to show.
    #[arg(long, default_value = "command line")]
    name: String,
    /// What it may do at most, of what the user may.
    #[arg(long, ignore_case = true, default_value = "ADMIN", value_parser = scope())]
    scope: TokenScope,
    /// The only team it acts in.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// How long it is valid.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = humantime::parse_duration)]
    expires: Duration,
    #[command(flatten)]
    settings: Settings,
}

/// Print every API token that was not revoked, one JSON object a line, newest first.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
}

/// Revoke an API token, on running servers too.
#[derive(Debug, Args)]
struct Revoke {
    /// Its id, as `muster token list` prints it.
    id: String,
    #[command(flatten)]
    settings: Settings,
}

impl Token {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            TokenCommand::Create(create) => create.run().await?,
            TokenCommand::List(list) => list.run().await?,
            TokenCommand::Revoke(revoke) => revoke.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let Self { email, name, scope, team, expires, settings } = self;
        let fleet = App::core(&settings.load()?, Clock::System).await?;
        let team = match team {
            Some(name) => Some(team_named(&fleet, &name).await?),
            None => None,
        };
        let new = NewApiToken { email: Some(email), name, scope, team, expires_in: expires };
        let (_, text) = fleet.create_api_token(&Actor::System, new).await?;
        Ok(data(text)?)
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let mut page = PageRequest::first(100);
        loop {
            let found = fleet.api_tokens(&Actor::System, Whose::Everybodys, page.clone()).await?;
            for (key, token) in found.items {
                page.after = Some(key);
                data(json!({
                    "id": token.public_id, "name": token.name, "scope": word(token.scope),
                    "expires_at": token.expires_at, "last_used_at": token.last_used_at,
                }))?;
            }
            if !found.more {
                return Ok(());
            }
        }
    }
}

impl Revoke {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        Ok(data(fleet.revoke_api_token(&Actor::System, &PublicId(self.id)).await?)?)
    }
}

/// A scope as the API spells it.
fn word(scope: TokenScope) -> String {
    scope.as_str().to_uppercase()
}

fn scope() -> impl TypedValueParser<Value = TokenScope> {
    PossibleValuesParser::new(TokenScope::ALL.iter().map(|scope| word(*scope))).map(|text| {
        let named = TokenScope::ALL.iter().find(|scope| word(**scope).eq_ignore_ascii_case(&text));
        *named.expect("the parser lets only these words through")
    })
}
