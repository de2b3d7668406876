//! `muster schedule`: saved queries that run on their own.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Failure;
use super::connect::Connect;
use super::find::{query_id, team_id, unknown};
use super::list::List;
use super::one::{One, node};
use super::terminal::talk;

const LIST: &str = "\
query ($first: Int!, $after: String, $team: ID, $scheduled: Boolean, $search: String) {
  page: savedQueries(first: $first, after: $after, teamId: $team, scheduled: $scheduled, search: $search) {
    nodes {
      id name team { name } pack { name }
      schedule { interval logging platform minOsqueryVersion shard denylist discardData automations }
    }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a query.
const COLUMNS: &[&str] = &["name", "pack", "team", "interval", "logging", "platform", "automations"];
const SHOW: &str = "\
query ($id: ID!) {
  node(id: $id) {
    ... on SavedQuery {
      id name sql description team { name } pack { name } updatedAt version
      schedule {
        interval logging platform minOsqueryVersion shard denylist discardData automations
        labelsIncludeAny { name } labelsExcludeAny { name }
      }
      health(first: 10) { host { hostname } source denylistedSince executions wallTimeMs averageMemoryBytes }
    }
  }
}";
const UPDATE: &str = "\
mutation ($input: UpdateSavedQueryInput!) {
  updateSavedQuery(input: $input) { savedQuery { id } userErrors { message code } }
}";

/// List, show, enable and disable the schedules of saved queries.
#[derive(Debug, Args)]
pub(super) struct Schedule {
    #[command(subcommand)]
    command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
enum ScheduleCommand {
    List(ListSchedules),
    Show(Show),
    Enable(Box<Enable>),
    /// Take a saved query off its schedule; it stays, and so do its reports.
    Disable(Named),
}

/// Print the saved queries that run on a schedule, those of packs among them.
#[derive(Debug, Args)]
struct ListSchedules {
    /// Only those of this team, by name.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only those with this in their name.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Those that run live only, too.
    #[arg(long)]
    unscheduled: bool,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print one saved query: its schedule, and the hosts where it fares worst.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    one: One,
}

/// A saved query.
#[derive(Debug, Args)]
struct Named {
    /// Its name or id.
    query: String,
    #[command(flatten)]
    connect: Connect,
}

/// Put a saved query on a schedule, in place of the one that it has.
#[derive(Debug, Args)]
struct Enable {
    #[command(flatten)]
    named: Named,
    /// Seconds between two runs.
    #[arg(long, value_name = "SECONDS")]
    interval: i32,
    /// What is logged of a run.
    #[arg(long, value_enum, default_value_t = Logging::Differential)]
    logging: Logging,
    /// Only hosts of these platforms: darwin, linux, windows, posix.
    #[arg(long, value_name = "PLATFORM,…")]
    platform: Option<String>,
    /// Only hosts with this version of osquery, or a later one.
    #[arg(long, value_name = "VERSION")]
    min_osquery_version: Option<String>,
    /// Only so many percent of the hosts.
    #[arg(long, value_name = "PERCENT")]
    shard: Option<i32>,
    /// Keep no reports of its results.
    #[arg(long)]
    discard_data: bool,
    /// Ship its results nowhere.
    #[arg(long)]
    no_automations: bool,
}

/// What is logged of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Logging {
    /// Every row of every run.
    Snapshot,
    /// Rows that came and rows that went.
    Differential,
    /// Rows that came.
    DifferentialIgnoreRemovals,
}

impl Logging {
    fn word(self) -> &'static str {
        match self {
            Self::Snapshot => "SNAPSHOT",
            Self::Differential => "DIFFERENTIAL",
            Self::DifferentialIgnoreRemovals => "DIFFERENTIAL_IGNORE_REMOVALS",
        }
    }
}

impl Schedule {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            ScheduleCommand::List(list) => list.run().await,
            ScheduleCommand::Show(show) => show.run().await,
            ScheduleCommand::Enable(enable) => enable.run().await,
            ScheduleCommand::Disable(named) => {
                named.update(Value::Null).await?;
                talk(format_args!("{} runs on no schedule", named.query));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl ListSchedules {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let team = team_id(&client, self.team.as_deref()).await?;
        let scheduled = (!self.unscheduled).then_some(true);
        let variables = json!({ "team": team, "scheduled": scheduled, "search": self.search });
        self.list.print(&client, LIST, variables, COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let id = query_id(&client, &self.named.query).await?;
        let Some(mut query) = node(&client, SHOW, id).await? else {
            return Err(unknown("saved query", &self.named.query));
        };
        if self.one.has_cells() {
            let health = query.remove("health").unwrap_or_default();
            query.insert("worst".to_owned(), json!(worst(&health)));
        }
        self.one.print(query)
    }
}

/// The hosts where a query fares worst, as one text.
fn worst(health: &Value) -> String {
    let worst = health.as_array().into_iter().flatten().map(|one| {
        let host = one["host"]["hostname"].as_str().unwrap_or_default();
        let ms = one["wallTimeMs"].as_str().unwrap_or_default();
        let refused = if one["denylistedSince"].is_null() { "" } else { ", denylisted" };
        format!("{host}: {ms} ms{refused}")
    });
    worst.collect::<Vec<_>>().join("; ")
}

impl Enable {
    async fn run(self) -> Result<ExitCode, Failure> {
        let schedule = json!({
            "interval": self.interval,
            "logging": self.logging.word(),
            "platform": self.platform,
            "minOsqueryVersion": self.min_osquery_version,
            "shard": self.shard,
            "discardData": self.discard_data,
            "automations": !self.no_automations,
        });
        self.named.update(schedule).await?;
        talk(format_args!("{} runs every {} s", self.named.query, self.interval));
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn update(&self, schedule: Value) -> Result<(), Failure> {
        let client = self.connect.client()?;
        let id = query_id(&client, &self.query).await?;
        let input = json!({ "id": id, "schedule": schedule });
        client.mutate(UPDATE, json!({ "input": input }), "updateSavedQuery").await?;
        Ok(())
    }
}
