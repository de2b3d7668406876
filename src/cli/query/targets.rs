//! Whom to ask: names from the command line, resolved by the server.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::client::Client;

const HOST: &str = "query ($id: String!) { host(by: { hostIdentifier: $id }) { id } }";
const HOSTS: &str = "\
query ($name: String!) { hosts(first: 100, filter: { search: $name }) { nodes { id hostname } } }";
const TEAMS: &str = "\
query ($after: String) { page: teams(first: 100, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } } }";
const LABELS: &str = "\
query ($after: String) { page: labels(first: 100, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } } }";

/// Exactly one way to choose hosts.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Targets {
    /// Ask every host you may ask.
    #[arg(long)]
    all: bool,
    /// Ask these hosts: names, identifiers or ids, separated by commas.
    #[arg(long, value_name = "HOST,…", value_delimiter = ',')]
    hosts: Vec<String>,
    /// Ask the hosts of these teams, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    teams: Vec<String>,
    /// Ask the hosts with any of these labels, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    labels: Vec<String>,
}

impl Targets {
    /// The `TargetsInput` of the API.
    pub(super) async fn resolve(&self, client: &Client) -> Result<Value, Failure> {
        if self.all {
            return Ok(json!({ "allHosts": true }));
        }
        if !self.teams.is_empty() {
            let ids = ids_of(client, TEAMS, "team", &self.teams).await?;
            return Ok(json!({ "filter": { "teamIds": ids } }));
        }
        if !self.labels.is_empty() {
            let ids = ids_of(client, LABELS, "label", &self.labels).await?;
            return Ok(json!({ "filter": { "labelIds": ids } }));
        }
        let mut ids = Vec::new();
        for host in &self.hosts {
            ids.push(host_id(client, host).await?);
        }
        Ok(json!({ "hostIds": ids }))
    }
}

/// The ids of the things of these names, from pages of `{ id name }`.
async fn ids_of(
    client: &Client,
    document: &str,
    noun: &str,
    names: &[String],
) -> Result<Vec<Value>, Failure> {
    let mut found: Vec<Option<Value>> = vec![None; names.len()];
    let mut after = Value::Null;
    loop {
        let mut answer = client.call(document, json!({ "after": after })).await?;
        for node in answer["page"]["nodes"].as_array().into_iter().flatten() {
            for (name, id) in names.iter().zip(&mut found) {
                if node["name"] == name.as_str() {
                    *id = Some(node["id"].clone());
                }
            }
        }
        if answer["page"]["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = answer["page"]["pageInfo"]["endCursor"].take();
    }
    let known = names.iter().zip(found);
    known.map(|(name, id)| id.ok_or_else(|| format!("there is no {noun} `{name}`").into())).collect()
}

/// The id of a host by its id, identifier or name.
async fn host_id(client: &Client, host: &str) -> Result<Value, Failure> {
    if host.starts_with("hst_") {
        return Ok(json!(host));
    }
    let answer = client.call(HOST, json!({ "id": host })).await?;
    if answer["host"]["id"].is_string() {
        return Ok(answer["host"]["id"].clone());
    }
    let answer = client.call(HOSTS, json!({ "name": host })).await?;
    let nodes = answer["hosts"]["nodes"].as_array().into_iter().flatten();
    let mut named = nodes.filter(|node| node["hostname"] == host).map(|node| node["id"].clone());
    match (named.next(), named.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(format!("there is no host `{host}`").into()),
        (Some(_), Some(_)) => {
            Err(format!("several hosts are named `{host}`; use an identifier or id").into())
        }
    }
}
