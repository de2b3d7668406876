//! `muster hosts`: the hosts of the fleet.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::campaign::words;
use super::connect::Connect;
use super::find::{host_id, team_id, unknown};
use super::list::List;
use super::one::{One, names};
use super::selection::{Selection, host_filter};
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
    vitals {
      updatedAt hardwareVendor hardwareModel cpuBrand cpuCores primaryAddress primaryMac bootedAt
      diskTotalBytes diskFreeBytes
    }
    contact { checkedInAt configAt loggedAt silence { reason since } }
  }
}";
const DELETE: &str = "\
mutation ($input: DeleteHostsInput!) {
  deleteHosts(input: $input) { deletedHostIds userErrors { message code } }
}";
const REFETCH: &str = "\
mutation ($input: RefetchHostsInput!) {
  refetchHosts(input: $input) { hostIds userErrors { message code } }
}";
const TRANSFER: &str = "\
mutation ($input: TransferHostsInput!) {
  transferHosts(input: $input) { hosts { id } userErrors { message code } }
}";
/// Hosts named in one request, the most that the server takes.
const AT_ONCE: usize = 1000;

/// List, show, refetch, transfer and delete hosts.
#[derive(Debug, Args)]
pub(super) struct Hosts {
    #[command(subcommand)]
    command: HostsCommand,
}

#[derive(Debug, Subcommand)]
enum HostsCommand {
    List(ListHosts),
    Show(Show),
    Refetch(Refetch),
    Transfer(Transfer),
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
    /// Only those whose name, identifier, serial, UUID, or an address or user of theirs, begins so.
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
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    connect: Connect,
}

/// Ask hosts anew what they are, at their next check-in, and print the id of each.
#[derive(Debug, Args)]
struct Refetch {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    connect: Connect,
}

/// Move hosts to a team or to none, and print the id of each; campaigns that await them withdraw them.
#[derive(Debug, Args)]
struct Transfer {
    #[command(flatten)]
    selection: Selection,
    /// The team that they go to, by name.
    #[arg(long, value_name = "NAME", required_unless_present = "to_no_team")]
    to: Option<String>,
    /// They go to no team.
    #[arg(long, conflicts_with = "to")]
    to_no_team: bool,
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
            HostsCommand::Refetch(refetch) => refetch.run().await,
            HostsCommand::Transfer(transfer) => transfer.run().await,
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
            return Err(unknown("host", &self.host));
        };
        host["labels"] = json!(names(&host["labels"]["nodes"]));
        self.one.print(host)
    }
}

impl Refetch {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let ids = self.selection.ids(&client).await?;
        for ids in ids.chunks(AT_ONCE) {
            let input = json!({ "hostIds": ids });
            let payload = client.mutate(REFETCH, json!({ "input": input }), "refetchHosts").await?;
            for id in payload["hostIds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                data(id)?;
            }
        }
        talk(format_args!("{} hosts are asked anew", ids.len()));
        Ok(ExitCode::SUCCESS)
    }
}

impl Transfer {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let team = team_id(&client, self.to.as_deref()).await?;
        let ids = self.selection.ids(&client).await?;
        for ids in ids.chunks(AT_ONCE) {
            let input = json!({ "hostIds": ids, "teamId": team });
            let payload = client.mutate(TRANSFER, json!({ "input": input }), "transferHosts").await?;
            let moved = payload["hosts"].as_array().into_iter().flatten();
            for id in moved.filter_map(|host| host["id"].as_str()) {
                data(id)?;
            }
        }
        talk(format_args!("{} hosts are there now", ids.len()));
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
        for ids in ids.chunks(AT_ONCE) {
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
