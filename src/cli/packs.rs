//! `muster packs`: groups of scheduled queries.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::connect::Connect;
use super::find::{pack_id, team_id, unknown};
use super::list::List;
use super::one::{One, node};
use super::terminal::talk;

const LIST: &str = "\
query ($first: Int!, $after: String, $team: ID, $search: String) {
  page: packs(first: $first, after: $after, teamId: $team, search: $search) {
    nodes {
      id name enabled team { name } platform minOsqueryVersion shard queries(first: 1) { totalCount }
    }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a pack.
const COLUMNS: &[&str] = &["name", "enabled", "team", "platform", "shard", "totalCount"];
const SHOW: &str = "\
query ($id: ID!) {
  node(id: $id) {
    ... on Pack {
      id name description enabled team { name } platform minOsqueryVersion shard discovery updatedAt version
      labelsIncludeAny { name } labelsExcludeAny { name }
      queries(first: 100) { nodes { name schedule { interval } } pageInfo { hasNextPage } }
    }
  }
}";
const UPDATE: &str = "\
mutation ($input: UpdatePackInput!) {
  updatePack(input: $input) { pack { id } userErrors { message code } }
}";

/// List, show, enable and disable packs.
#[derive(Debug, Args)]
pub(super) struct Packs {
    #[command(subcommand)]
    command: PacksCommand,
}

#[derive(Debug, Subcommand)]
enum PacksCommand {
    List(ListPacks),
    Show(Show),
    /// Give a pack to its hosts.
    Enable(Named),
    /// Give a pack to no host; it stays, and so do its reports.
    Disable(Named),
}

/// Print packs.
#[derive(Debug, Args)]
struct ListPacks {
    /// Only those of this team, by name.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only those with this in their name.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print one pack, with its first 100 queries.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    one: One,
}

/// A pack.
#[derive(Debug, Args)]
struct Named {
    /// Its name or id.
    pack: String,
    #[command(flatten)]
    connect: Connect,
}

impl Packs {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            PacksCommand::List(list) => list.run().await,
            PacksCommand::Show(show) => show.run().await,
            PacksCommand::Enable(named) => named.set(true).await,
            PacksCommand::Disable(named) => named.set(false).await,
        }
    }
}

impl ListPacks {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let team = team_id(&client, self.team.as_deref()).await?;
        self.list.print(&client, LIST, json!({ "team": team, "search": self.search }), COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let id = pack_id(&client, &self.named.pack).await?;
        let Some(mut pack) = node(&client, SHOW, id).await? else {
            return Err(unknown("pack", &self.named.pack));
        };
        if pack["queries"]["pageInfo"]["hasNextPage"] == true {
            talk("the pack has more than 100 queries: `muster schedule list` has all");
        }
        pack["queries"] = pack["queries"]["nodes"].take();
        self.one.print(pack)
    }
}

impl Named {
    async fn set(&self, enabled: bool) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = pack_id(&client, &self.pack).await?;
        let input = json!({ "id": id, "enabled": enabled });
        client.mutate(UPDATE, json!({ "input": input }), "updatePack").await?;
        let now = if enabled { "given to its hosts" } else { "given to no host" };
        talk(format_args!("{} is {now}", self.pack));
        Ok(ExitCode::SUCCESS)
    }
}
