//! Which hosts: names from the command line, resolved by the server.

use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientError, pages};
use super::find::{host_id, label_ids, team_ids};

const HOSTS: &str = "\
query ($first: Int!, $after: String, $filter: HostFilter) {
  page: hosts(first: $first, after: $after, filter: $filter, sort: { field: HOSTNAME, direction: ASC }) {
    nodes { id hostname }
    pageInfo { hasNextPage endCursor }
  }
}";

/// One way to choose hosts.
#[derive(Debug, Args)]
#[group(id = "Selection", multiple = false)]
#[command(next_help_heading = "Hosts")]
pub(super) struct Selection {
    /// Every host that you may choose.
    #[arg(long)]
    all: bool,
    /// These hosts: names, identifiers or ids, separated by commas.
    #[arg(long, value_name = "HOST,…", value_delimiter = ',')]
    hosts: Vec<String>,
    /// The hosts of these teams, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    teams: Vec<String>,
    /// The hosts with any of these labels, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    labels: Vec<String>,
}

impl Selection {
    /// The `TargetsInput` of the API.
    pub(super) async fn targets(&self, client: &Client) -> Result<Value, Failure> {
        if self.all {
            return Ok(json!({ "allHosts": true }));
        }
        if let Some(filter) = host_filter(client, &self.teams, &self.labels).await? {
            return Ok(json!({ "filter": filter }));
        }
        Ok(json!({ "hostIds": host_ids(client, &self.hosts).await? }))
    }

    /// The ids of the hosts that are there now.
    pub(super) async fn ids(&self, client: &Client) -> Result<Vec<Value>, Failure> {
        let filter = host_filter(client, &self.teams, &self.labels).await?;
        if !self.all && filter.is_none() {
            return host_ids(client, &self.hosts).await;
        }
        let mut ids = Vec::new();
        let each = |mut node: Value| {
            ids.push(node["id"].take());
            Ok::<_, ClientError>(())
        };
        pages(client, HOSTS, json!({ "filter": filter }), u64::MAX, each).await?;
        Ok(ids)
    }
}

/// The `HostFilter` of teams and labels by name; none when there are no names.
pub(super) async fn host_filter(
    client: &Client,
    teams: &[String],
    labels: &[String],
) -> Result<Option<Value>, Failure> {
    let mut filter = serde_json::Map::new();
    if !teams.is_empty() {
        filter.insert("teamIds".to_owned(), team_ids(client, teams).await?.into());
    }
    if !labels.is_empty() {
        filter.insert("labelIds".to_owned(), label_ids(client, labels).await?.into());
    }
    Ok((!filter.is_empty()).then_some(Value::Object(filter)))
}

/// The ids of hosts by their ids, identifiers or names.
async fn host_ids(client: &Client, hosts: &[String]) -> Result<Vec<Value>, Failure> {
    if hosts.is_empty() {
        return Err("no hosts are chosen: pass --all, --hosts, --teams or --labels".into());
    }
    let mut ids = Vec::new();
    for host in hosts {
        ids.push(host_id(client, host).await?);
    }
    Ok(ids)
}
