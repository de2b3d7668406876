//! Who is in a label, and who is put in and taken out by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Named;
use crate::cli::Failure;
use crate::cli::exit::PARTIAL;
use crate::cli::list::List;
use crate::cli::terminal::talk;

const MEMBERS: &str = "\
query ($first: Int!, $after: String, $filter: HostFilter) {
  page: hosts(first: $first, after: $after, filter: $filter, sort: { field: HOSTNAME, direction: ASC }) {
    nodes { id hostname status platform team { name } lastSeenAt }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a host.
const COLUMNS: &[&str] = &["hostname", "status", "platform", "team", "lastSeenAt"];
const ADD: &str = "\
mutation ($input: AddHostsToLabelInput!) {
  changed: addHostsToLabel(input: $input) { hosts: hostsAdded unmatchedNames userErrors { message code } }
}";
const REMOVE: &str = "\
mutation ($input: RemoveHostsFromLabelInput!) {
  changed: removeHostsFromLabel(input: $input) { hosts: hostsRemoved unmatchedNames userErrors { message code } }
}";
/// Hosts named in one request, the most that the server takes.
const AT_ONCE: usize = 1000;

/// Print the hosts with a label, by name.
#[derive(Debug, Args)]
pub(super) struct Members {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    list: List,
}

/// A manual label, and hosts. What no host is called is told, and then the exit code is 2.
#[derive(Debug, Args)]
pub(super) struct ByHand {
    #[command(flatten)]
    named: Named,
    /// These hosts: names, identifiers, serials, hardware UUIDs or ids, separated by commas.
    #[arg(long, value_name = "HOST,…", value_delimiter = ',', required_unless_present = "file")]
    hosts: Vec<String>,
    /// The hosts of a file, one a line; `-` for what is piped in.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Members {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let id = self.named.id(&client).await?;
        self.list.print(&client, MEMBERS, json!({ "filter": { "labelIds": [id] } }), COLUMNS).await
    }
}

impl ByHand {
    pub(super) async fn add(self) -> Result<ExitCode, Failure> {
        self.change(ADD, "put in").await
    }

    pub(super) async fn remove(self) -> Result<ExitCode, Failure> {
        self.change(REMOVE, "taken out").await
    }

    async fn change(self, document: &str, done: &str) -> Result<ExitCode, Failure> {
        let client = self.named.connect.client()?;
        let label = self.named.id(&client).await?;
        let (mut changed, mut is_whole) = (0, true);
        for hosts in self.named_hosts()?.chunks(AT_ONCE) {
            let (ids, names): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| host.starts_with("hst_"));
            let input = json!({ "labelId": label, "hostIds": ids, "names": names });
            let payload = client.mutate(document, json!({ "input": input }), "changed").await?;
            changed += payload["hosts"].as_u64().unwrap_or_default();
            for name in payload["unmatchedNames"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                is_whole = false;
                talk(format_args!("there is no host `{name}`"));
            }
        }
        talk(format_args!("{changed} hosts were {done}"));
        Ok(if is_whole { ExitCode::SUCCESS } else { PARTIAL.into() })
    }

    /// The hosts of the command line, and those of the file.
    fn named_hosts(&self) -> Result<Vec<String>, Failure> {
        let mut hosts = self.hosts.clone();
        if let Some(file) = &self.file {
            let text = if file.as_os_str() == "-" {
                std::io::read_to_string(std::io::stdin())?
            } else {
                std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?
            };
            hosts.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
        }
        Ok(hosts)
    }
}
