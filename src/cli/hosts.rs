//! `muster hosts`: the hosts of the fleet.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::campaign::words;
use super::connect::Connect;
use super::list::{List, plain};
use super::output::{Format, print_one};
use super::selection::{Selection, host_filter, host_id};
use super::terminal::prompt::confirm;
use super::terminal::{data, talk};

const LIST: &str = "\
query ($first: Int!, $after: String, $filter: HostFilter) {
  page: hosts(first: $first, after: $after, filter: $filter, sort: { field: HOSTNAME, direction: ASC }) {
    nodes { id hostname status platform osVersion osqueryVersion team { name } lastSeenAt }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a host.
const COLUMNS: &[&str] = &["hostname", "status", "osVersion", "osqueryVersion", "team", "lastSeenAt"];
const SHOW: &str = "\
query ($id: ID!) {
  host(by: { id: $id }) {
    id hostname hostIdentifier status platform osVersion osqueryVersion team { id name }
    uuid serialNumber memoryBytes enrolledAt lastSeenAt labels(first: 100) { nodes { name } }
  }
}";
const DELETE: &str = "\
mutation ($input: DeleteHostsInput!) {
  deleteHosts(input: $input) { deletedHostIds userErrors { message code } }
}";
/// Hosts deleted by one request, the most that the server takes.
const DELETED_AT_ONCE: usize = 1000;

/// List, show and delete hosts.
#[derive(Debug, Args)]
pub(super) struct Hosts {
    #[command(subcommand)]
    command: HostsCommand,
}

#[derive(Debug, Subcommand)]
enum HostsCommand {
    List(ListHosts),
    Show(Show),
    Delete(Delete),
}

/// Print hosts, by name.
#[derive(Debug, Args)]
struct ListHosts {
    /// Only those of these teams, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    teams: Vec<String>,
    /// Only those with any of these labels, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    labels: Vec<String>,
    /// Only those whose name, identifier, serial or UUID begins so.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those in one of these states: online, offline, missing.
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',')]
    status: Vec<String>,
    /// Only those of these platforms: linux, darwin, windows, freebsd, other.
    #[arg(long, value_name = "PLATFORM,…", value_delimiter = ',')]
    platform: Vec<String>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print one host.
#[derive(Debug, Args)]
struct Show {
    /// Its name, identifier or id.
    host: String,
    /// How it is printed [default: table on a terminal, else ndjson].
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    connect: Connect,
}

/// Delete hosts, and print the id of each that was deleted; campaigns do not await them any more.
#[derive(Debug, Args)]
struct Delete {
    #[command(flatten)]
    selection: Selection,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Hosts {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            HostsCommand::List(list) => list.run().await,
            HostsCommand::Show(show) => show.run().await,
            HostsCommand::Delete(delete) => delete.run().await,
        }
    }
}

impl ListHosts {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let filter = host_filter(&client, &self.teams, &self.labels).await?;
        let mut filter = filter.unwrap_or_else(|| json!({}));
        if let Some(search) = &self.search {
            filter["search"] = json!(search);
        }
        for (field, chosen) in [("statuses", &self.status), ("platforms", &self.platform)] {
            if !chosen.is_empty() {
                filter[field] = json!(words(chosen));
            }
        }
        self.list.print(&client, LIST, json!({ "filter": filter }), COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = host_id(&client, &self.host).await?;
        let answer = client.call(SHOW, json!({ "id": id })).await?["host"].take();
        let Value::Object(mut host) = answer else {
            return Err(format!("there is no host `{}`", self.host).into());
        };
        let labels = host["labels"]["nodes"].take();
        let labels = labels.as_array().into_iter().flatten();
        let labels: Vec<_> = labels.filter_map(|label| label["name"].as_str()).collect();
        let format = self.format.unwrap_or_else(Format::of_lists);
        if matches!(format, Format::Csv | Format::Table) {
            host["labels"] = json!(labels.join(", "));
            host = plain(host);
        } else {
            host["labels"] = json!(labels);
        }
        print_one(format, host)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Delete {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let ids = self.selection.ids(&client).await?;
        let count = ids.len();
        if !self.yes && !confirm(&format!("Delete {count} hosts for ever?"), "pass --yes").await? {
            return Err("nothing was deleted".into());
        }
        for ids in ids.chunks(DELETED_AT_ONCE) {
            let input = json!({ "hostIds": ids });
            let payload = client.mutate(DELETE, json!({ "input": input }), "deleteHosts").await?;
            for id in payload["deletedHostIds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                data(id)?;
            }
        }
        talk(format_args!("{count} hosts deleted"));
        Ok(ExitCode::SUCCESS)
    }
}
