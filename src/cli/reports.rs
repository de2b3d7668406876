//! `muster reports`: what became of scheduled queries, and their latest rows.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::campaign::words;
use super::connect::Connect;
use super::find::{host_id, query_id};
use super::list::List;

const OF_QUERY: &str = "\
query ($id: ID!, $first: Int!, $after: String, $states: [ReportState!]) {
  of: node(id: $id) {
    ... on SavedQuery {
      page: hosts(first: $first, after: $after, states: $states) {
        nodes { state denylistedSince host { hostname } report { rowCount rowsDropped receivedAt isComplete } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}";
const OF_HOST: &str = "\
query ($id: ID!, $first: Int!, $after: String, $states: [ReportState!]) {
  of: node(id: $id) {
    ... on Host {
      page: scheduledQueries(first: $first, after: $after, states: $states) {
        nodes { query: name state denylistedSince report { rowCount rowsDropped receivedAt isComplete } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}";
const ROWS: &str = "\
query ($id: ID!, $first: Int!, $after: String, $where: [RowCondition!], $sort: RowSort) {
  of: node(id: $id) {
    ... on SavedQuery {
      page: reportRows(first: $first, after: $after, where: $where, orderBy: $sort) {
        nodes { host { hostname } values }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}";
/// What a table shows.
const COLUMNS: &[&str] = &["hostname", "query", "state", "rowCount", "receivedAt", "denylistedSince"];

/// List what became of scheduled queries, and show their latest rows.
#[derive(Debug, Args)]
pub(super) struct Reports {
    #[command(subcommand)]
    command: ReportsCommand,
}

#[derive(Debug, Subcommand)]
enum ReportsCommand {
    List(Box<ListReports>),
    Show(Box<Show>),
}

/// Print what became of a query on each host that it is for, or of each query on a host.
#[derive(Debug, Args)]
#[group(id = "Of", required = true, multiple = false)]
struct Of {
    /// The query, by name or id.
    query: Option<String>,
    /// Each query of this host: its name, identifier or id.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

/// Print what became of a query on each host that it is for, or of each query on a host.
#[derive(Debug, Args)]
struct ListReports {
    #[command(flatten)]
    of: Of,
    /// Only those in one of these states: `rows`, `empty`, `never_answered`, `denylisted`, `not_kept`.
    #[arg(long, value_name = "STATE,…", value_delimiter = ',')]
    state: Vec<String>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print the latest rows of a query, of all hosts.
#[derive(Debug, Args)]
struct Show {
    /// The query, by name or id.
    query: String,
    /// Only rows that meet this, and every other such condition: COLUMN=TEXT, COLUMN!=TEXT, COLUMN~PART, COLUMN^BEGINNING,
    /// COLUMN>VALUE or COLUMN<VALUE.
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition)]
    conditions: Vec<Value>,
    /// Sort by this column.
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// The largest first.
    #[arg(long, requires = "sort")]
    descending: bool,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

impl Reports {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            ReportsCommand::List(list) => list.run().await,
            ReportsCommand::Show(show) => show.run().await,
        }
    }
}

impl ListReports {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let (document, id) = match (&self.of.host, &self.of.query) {
            (Some(host), _) => (OF_HOST, host_id(&client, host).await?),
            (None, Some(query)) => (OF_QUERY, query_id(&client, query).await?),
            (None, None) => return Err("name a query, or pass --host".into()),
        };
        let states = (!self.state.is_empty()).then(|| words(&self.state));
        self.list.print(&client, document, json!({ "id": id, "states": states }), COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = query_id(&client, &self.query).await?;
        let direction = if self.descending { "DESC" } else { "ASC" };
        let sort = self.sort.as_ref().map(|column| json!({ "column": column, "direction": direction }));
        let variables = json!({ "id": id, "where": self.conditions, "sort": sort });
        self.list.print_rows(&client, ROWS, variables).await
    }
}

/// A condition as it is typed.
fn condition(text: &str) -> Result<Value, String> {
    const SIGNS: [(&str, &str); 6] = [
        ("!=", "NOT_EQUALS"),
        ("=", "EQUALS"),
        ("~", "CONTAINS"),
        ("^", "STARTS_WITH"),
        (">", "GREATER_THAN"),
        ("<", "LESS_THAN"),
    ];
    let found = SIGNS.iter().filter_map(|(sign, operator)| Some((text.find(sign)?, sign.len(), operator)));
    // The first sign, and of two that begin at one place the longer one.
    let first = found.min_by_key(|(at, length, _)| (*at, std::cmp::Reverse(*length)));
    match first {
        Some((at, length, operator)) if at > 0 => {
            let (column, value) = (&text[..at], &text[at + length..]);
            Ok(json!({ "column": column, "operator": operator, "value": value }))
        }
        Some(_) | None => {
            Err("a condition is COLUMN=TEXT, or with !=, ~, ^, > or < in place of =".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_as_they_are_typed() {
        for (text, column, operator, value) in [
            ("a=b=c", "a", "EQUALS", "b=c"),
            ("a!=b", "a", "NOT_EQUALS", "b"),
            ("a~=", "a", "CONTAINS", "="),
            ("a^/usr", "a", "STARTS_WITH", "/usr"),
            ("a>1", "a", "GREATER_THAN", "1"),
            ("a<", "a", "LESS_THAN", ""),
        ] {
            let expected = json!({ "column": column, "operator": operator, "value": value });
            assert_eq!(condition(text), Ok(expected), "{text}");
        }
        assert!(condition("a").is_err() && condition("=a").is_err());
    }
}
