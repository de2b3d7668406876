//! `muster user`: people, on the configured database.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, Subcommand};
use entity::id::PublicId;
use entity::kind::Role;
use serde_json::json;

use super::Failure;
use super::settings::Settings;
use super::team::team_named;
use super::terminal::data;
use super::terminal::prompt::first_line;
use crate::app::App;
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::fleet::users::{NewUser, UserChange};
use crate::policy::Actor;

/// Make, list, change and delete users, on the configured database.
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    Create(Box<Create>),
    List(List),
    Role(Give),
    Disable(Change),
    Enable(Change),
    Delete(Change),
}

/// Make a user and print the id.
#[derive(Debug, Args)]
struct Create {
    /// E-mail, to sign in with.
    #[arg(long)]
    email: String,
    /// Name to show.
    #[arg(long)]
    name: String,
    /// What the user may do.
    #[arg(long, ignore_case = true, value_parser = role())]
    role: Role,
    /// Team the role is for; everywhere when left out.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Read the password from standard input: 12 to 128 characters.
    #[arg(long, required = true)]
    password_stdin: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Print every user, one JSON object a line.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
}

/// Give a user another role, in a team or everywhere; `none` takes it away.
#[derive(Debug, Args)]
struct Give {
    /// E-mail of the user.
    #[arg(long)]
    email: String,
    /// The role; none takes it away.
    #[arg(long, ignore_case = true, value_parser = role_or_none())]
    role: Wanted,
    /// Team the role is for; everywhere when left out.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// A role, or none.
#[derive(Clone, Copy, Debug)]
struct Wanted(Option<Role>);

/// Shut a user out, let one in again, or delete one.
#[derive(Debug, Args)]
struct Change {
    /// E-mail of the user.
    #[arg(long)]
    email: String,
    #[command(flatten)]
    settings: Settings,
}

impl User {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            UserCommand::Create(create) => create.run().await?,
            UserCommand::List(list) => list.run().await?,
            UserCommand::Role(give) => give.run().await?,
            UserCommand::Disable(change) => change.set_disabled(true).await?,
            UserCommand::Enable(change) => change.set_disabled(false).await?,
            UserCommand::Delete(change) => change.delete().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let Self { email, name, role, team, password_stdin: _, settings } = self;
        let password = first_line("password")?;
        let fleet = App::core(&settings.load()?, Clock::System).await?;
        let team = match team {
            Some(name) => Some(team_named(&fleet, &name).await?),
            None => None,
        };
        let user = fleet.create_user(&Actor::System, NewUser { email, name, password, role, team }).await?;
        Ok(data(user.public_id)?)
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        for user in fleet.users(&Actor::System).await? {
            let roles = user.roles.teams.iter().map(|(team, role)| (*team, *role));
            let teams = teams_of(&fleet, roles).await?;
            let role = user.roles.global.map(word);
            data(json!({ "id": user.public_id, "email": user.email, "name": user.name, "role": role,
                "teams": teams }))?;
        }
        Ok(())
    }
}

impl Give {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let id = user_of(&fleet, &self.email).await?;
        let Wanted(role) = self.role;
        let Some(team) = &self.team else {
            let change = UserChange { role: Some(role), ..UserChange::default() };
            fleet.update_user(&Actor::System, &id, change).await?;
            return Ok(());
        };
        let team = team_named(&fleet, team).await?;
        match role {
            Some(role) => fleet.set_team_role(&Actor::System, &id, &team, role).await?,
            None => fleet.remove_team_role(&Actor::System, &id, &team).await?,
        };
        Ok(())
    }
}

impl Change {
    async fn set_disabled(self, is_disabled: bool) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let id = user_of(&fleet, &self.email).await?;
        let change = UserChange { is_disabled: Some(is_disabled), ..UserChange::default() };
        fleet.update_user(&Actor::System, &id, change).await?;
        Ok(())
    }

    async fn delete(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let id = user_of(&fleet, &self.email).await?;
        fleet.delete_user(&Actor::System, &id).await?;
        Ok(())
    }
}

/// The id of the user of that e-mail.
async fn user_of(fleet: &Fleet, email: &str) -> Result<PublicId, Failure> {
    let wanted = email.trim().to_lowercase();
    let users = fleet.users(&Actor::System).await?;
    let found = users.into_iter().find(|user| user.email.as_deref() == Some(wanted.as_str()));
    Ok(found.ok_or_else(|| format!("no user has the e-mail `{email}`"))?.public_id)
}

/// Roles in teams, by the teams' names.
async fn teams_of(
    fleet: &Fleet,
    roles: impl Iterator<Item = (entity::id::TeamId, Role)>,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let roles: Vec<_> = roles.collect();
    let ids: Vec<_> = roles.iter().map(|(team, _)| *team).collect();
    let teams = fleet.teams_by_ids(&Actor::System, &ids).await?;
    Ok(roles
        .into_iter()
        .filter_map(|(team, role)| Some((teams.get(&team)?.name.clone(), word(role).into())))
        .collect())
}

/// A role as the API spells it.
fn word(role: Role) -> String {
    role.as_str().to_uppercase()
}

fn role() -> impl clap::builder::TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| word(*role))).map(|text| {
        let named = Role::ALL.iter().find(|role| word(**role).eq_ignore_ascii_case(&text));
        *named.expect("the parser lets only these words through")
    })
}

fn role_or_none() -> impl clap::builder::TypedValueParser<Value = Wanted> {
    let words = Role::ALL.iter().map(|role| word(*role)).chain(["NONE".to_owned()]);
    PossibleValuesParser::new(words)
        .map(|text| Wanted(Role::ALL.iter().copied().find(|role| word(*role).eq_ignore_ascii_case(&text))))
}
