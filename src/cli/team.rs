//! `muster team`: teams, on the configured database.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use entity::id::PublicId;
use serde_json::json;

use super::Failure;
use super::settings::Settings;
use super::terminal::data;
use crate::app::App;
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::fleet::hosts::PageRequest;
use crate::policy::Actor;

/// Teams read at once.
const PAGE: u64 = 100;

/// Make, list and delete teams, on the configured database.
#[derive(Debug, Args)]
pub(super) struct Team {
    #[command(subcommand)]
    command: TeamCommand,
}

#[derive(Debug, Subcommand)]
enum TeamCommand {
    Create(Create),
    List(List),
    Delete(Delete),
}

/// Make a team and print its id.
#[derive(Debug, Args)]
struct Create {
    /// Name, unique.
    #[arg(long)]
    name: String,
    /// Purpose.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// Print every team, one JSON object a line.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
}

/// Delete a team. Its hosts are in none from then on, its secrets, saved queries and roles are gone.
#[derive(Debug, Args)]
struct Delete {
    /// Name.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    settings: Settings,
}

impl Team {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            TeamCommand::Create(create) => create.run().await?,
            TeamCommand::List(list) => list.run().await?,
            TeamCommand::Delete(delete) => delete.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let description = self.description.as_deref();
        let team = fleet.create_team(&Actor::System, &self.name, description, None).await?;
        Ok(data(team.public_id)?)
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = fleet.teams(&Actor::System, request).await?;
            for (_, team) in &page.items {
                data(json!({ "id": team.public_id, "name": team.name, "description": team.description }))?;
            }
            match page.items.into_iter().next_back() {
                Some((last, _)) if page.more => {
                    request = PageRequest { after: Some(last), ..PageRequest::first(PAGE) };
                }
                _ => return Ok(()),
            }
        }
    }
}

impl Delete {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let team = team_named(&fleet, &self.name).await?;
        fleet.delete_team(&Actor::System, &team).await?;
        Ok(())
    }
}

/// The id of the team of that name.
pub(super) async fn team_named(fleet: &Fleet, name: &str) -> Result<PublicId, Failure> {
    let team = fleet.team_by_name(&Actor::System, name).await?;
    Ok(team.ok_or_else(|| format!("there is no team `{name}`"))?.public_id)
}
