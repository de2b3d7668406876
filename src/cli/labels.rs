//! `muster labels`: named sets of hosts, by SQL or by hand.

mod members;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Failure;
use super::campaign::words;
use super::client::Client;
use super::connect::Connect;
use super::find::{label_id, team_id, unknown};
use super::list::List;
use super::one::{One, node};
use super::terminal::data;
use super::terminal::prompt::confirm;
use members::{ByHand, Members};

const LIST: &str = "\
query ($first: Int!, $after: String, $teamId: ID, $search: String) {
  page: labels(first: $first, after: $after, teamId: $teamId, search: $search) {
    nodes { id name kind team { name } hostCount failureCount description }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a label.
const COLUMNS: &[&str] = &["name", "kind", "team", "hostCount", "failureCount", "description"];
const SHOW: &str = "\
query ($id: ID!) {
  node(id: $id) {
    ... on Label {
      id name kind description team { id name } sql platforms hostCount failureCount
      failures(first: 100) { nodes { host { hostname } message failedAt } }
      createdBy { displayName } createdAt updatedAt version
    }
  }
}";
const CREATE: &str = "\
mutation ($input: CreateLabelInput!) {
  createLabel(input: $input) { label { id } userErrors { message code } }
}";
const EDIT: &str = "\
mutation ($input: UpdateLabelInput!) {
  updateLabel(input: $input) { label { id } userErrors { message code } }
}";
const DELETE: &str = "\
mutation ($input: DeleteLabelInput!) {
  deleteLabel(input: $input) { deletedLabelId userErrors { message code } }
}";

/// List, show, make, edit and delete labels, and say which hosts are in them.
#[derive(Debug, Args)]
pub(super) struct Labels {
    #[command(subcommand)]
    command: LabelsCommand,
}

#[derive(Debug, Subcommand)]
enum LabelsCommand {
    List(ListLabels),
    Show(Show),
    Members(Members),
    Create(Create),
    Edit(Edit),
    Delete(Delete),
    /// Put hosts into a manual label.
    Add(ByHand),
    /// Take hosts out of a manual label.
    Remove(ByHand),
}

/// A label.
#[derive(Debug, Args)]
struct Named {
    /// Its name or id.
    label: String,
    /// The team that it belongs to, by name: where several labels have the name.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

/// Print labels.
#[derive(Debug, Args)]
struct ListLabels {
    /// Only those of this team, by name.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only those whose name begins so.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print one label, and where its SQL fails.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    one: One,
}

/// Make a label, by SQL or else by hand, and print its id.
#[derive(Debug, Args)]
struct Create {
    /// Its name.
    name: String,
    /// The team whose hosts alone can have it, by name [default: it is global].
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    connect: Connect,
}

/// Change a label. Hosts are asked new SQL within a minute, and stay what they are until they answer.
#[derive(Debug, Args)]
struct Edit {
    #[command(flatten)]
    named: Named,
    /// Its new name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    what: What,
}

/// What a label is.
#[derive(Debug, Args)]
struct What {
    /// Purpose.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// SQL that returns a row on a host that is a member.
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,
    /// Only hosts of these platforms are asked: linux, darwin, windows, freebsd, other.
    #[arg(long, value_name = "PLATFORM,…", value_delimiter = ',')]
    platform: Vec<String>,
}

/// Delete a label that no scheduled query and no pack asks for.
#[derive(Debug, Args)]
struct Delete {
    #[command(flatten)]
    named: Named,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

impl Labels {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            LabelsCommand::List(list) => list.run().await,
            LabelsCommand::Show(show) => show.run().await,
            LabelsCommand::Members(members) => members.run().await,
            LabelsCommand::Create(create) => create.run().await,
            LabelsCommand::Edit(edit) => edit.run().await,
            LabelsCommand::Delete(delete) => delete.run().await,
            LabelsCommand::Add(by_hand) => by_hand.add().await,
            LabelsCommand::Remove(by_hand) => by_hand.remove().await,
        }
    }
}

impl Named {
    /// The id of the label.
    async fn id(&self, client: &Client) -> Result<Value, Failure> {
        label_id(client, &self.label, self.team.as_deref()).await
    }
}

impl ListLabels {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let team = team_id(&client, self.team.as_deref()).await?;
        let wanted = json!({ "teamId": team, "search": self.search });
        self.list.print(&client, LIST, wanted, COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let id = self.named.id(&client).await?;
        let Some(mut label) = node(&client, SHOW, id).await? else {
            return Err(unknown("label", &self.named.label));
        };
        let failures = label["failures"]["nodes"].take();
        if self.one.has_cells() {
            label.remove("failures");
        } else {
            label["failures"] = failures;
        }
        self.one.print(label)
    }
}

impl Create {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let mut input = self.what.input();
        input.insert("name".to_owned(), json!(self.name));
        input.insert("teamId".to_owned(), team_id(&client, self.team.as_deref()).await?);
        let payload = client.mutate(CREATE, json!({ "input": input }), "createLabel").await?;
        data(payload["label"]["id"].as_str().unwrap_or_default())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Edit {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let mut input = self.what.input();
        input.insert("id".to_owned(), self.named.id(&client).await?);
        if let Some(name) = &self.name {
            input.insert("name".to_owned(), json!(name));
        }
        client.mutate(EDIT, json!({ "input": input }), "updateLabel").await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl What {
    /// The members of an input that say it; what was left out is in none.
    fn input(&self) -> Map<String, Value> {
        let mut input = Map::new();
        for (name, text) in [("description", &self.description), ("sql", &self.sql)] {
            if let Some(text) = text {
                input.insert(name.to_owned(), json!(text));
            }
        }
        if !self.platform.is_empty() {
            input.insert("platforms".to_owned(), json!(words(&self.platform)));
        }
        input
    }
}

impl Delete {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let id = self.named.id(&client).await?;
        let question = format!("Delete the label `{}` for ever?", self.named.label);
        if !self.yes && !confirm(&question, "pass --yes").await? {
            return Err("nothing was deleted".into());
        }
        let payload = client.mutate(DELETE, json!({ "input": { "id": id } }), "deleteLabel").await?;
        data(payload["deletedLabelId"].as_str().unwrap_or_default())?;
        Ok(ExitCode::SUCCESS)
    }
}
