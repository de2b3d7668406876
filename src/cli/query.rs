//! `muster query`: one live query from the command line.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::ask::{Asked, Ending, Watch, start, watch};
use super::client::{Client, ClientError, pages};
use super::connect::Connect;
use super::exit::{INTERRUPTED, PARTIAL, TIMED_OUT, UNREACHABLE};
use super::output::Format;
use super::selection::Selection;
use super::terminal::talk;
use super::{Failure, stop_signal};

const SAVED: &str = "\
query ($first: Int!, $after: String, $name: String!) {
  page: savedQueries(first: $first, after: $after, search: $name) {
    nodes { id name }
    pageInfo { hasNextPage endCursor }
  }
}";
const CAMPAIGN: &str = "query ($id: ID!) { node(id: $id) { ... on Campaign { id } } }";

/// Ask hosts one question; print their answers, and the progress on stderr.
///
/// When the connection breaks it is made anew, and each answer is still printed once. On Ctrl-C, SIGTERM, a time-out
/// or a lost server the campaign goes on; the command that resumes there is printed on stderr.
///
/// Exits with 0 when all hosts answered, 1 for bad input or a refusal, 2 when some hosts failed or never answered or
/// rows were dropped, 3 when the server can't be reached or was lost, 124 when the time ran out, 130 when interrupted.
#[derive(Debug, Args)]
pub(super) struct Query {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    view: View,
    #[command(flatten)]
    connect: Connect,
}

/// Exactly one question.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Question {
    /// osquery SQL; `-` reads it from standard input.
    sql: Option<String>,
    /// Ask the saved query of this name.
    #[arg(long, value_name = "NAME")]
    saved: Option<String>,
    /// Go on where an earlier command ended; without a cursor, from the campaign's beginning.
    #[arg(long, value_name = "CAMPAIGN[@CURSOR]", conflicts_with = "Selection")]
    resume: Option<String>,
}

/// How to watch a campaign.
#[derive(Clone, Debug, Args)]
pub(super) struct View {
    /// How long to wait; the campaign goes on after it.
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// How answers are printed.
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
}

impl Query {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let Some(resume) = &self.question.resume else {
            let source = self.question.source(&client).await?;
            let targets = self.selection.targets(&client).await?;
            return self.view.start(&client, &self.connect, source, targets).await;
        };
        let (campaign, cursor) = match resume.split_once('@') {
            Some((campaign, cursor)) => {
                (campaign, Some(cursor.to_owned()).filter(|cursor| !cursor.is_empty()))
            }
            None => (resume.as_str(), None),
        };
        if client.call(CAMPAIGN, json!({ "id": campaign })).await?["node"]["id"].is_null() {
            return Err(unknown_campaign(campaign));
        }
        self.view.watch(&client, &self.connect, campaign.to_owned(), cursor).await
    }
}

/// What to say when no campaign has this id.
pub(super) fn unknown_campaign(id: &str) -> Failure {
    format!("there is no campaign `{id}`: `muster campaign list` shows them").into()
}

impl Question {
    /// The `LiveQuerySource` of the API.
    async fn source(&self, client: &Client) -> Result<Value, Failure> {
        if let Some(name) = &self.saved {
            return Ok(json!({ "savedQueryId": saved_query(client, name).await? }));
        }
        let sql = self.sql.as_deref().unwrap_or_default();
        if sql != "-" {
            return Ok(json!({ "sql": sql }));
        }
        let mut sql = String::new();
        std::io::stdin().read_to_string(&mut sql)?;
        if sql.trim().is_empty() {
            return Err("no SQL came by standard input".into());
        }
        Ok(json!({ "sql": sql.trim() }))
    }
}

/// The id of the saved query of this name, or of this id.
async fn saved_query(client: &Client, name: &str) -> Result<Value, Failure> {
    let mut found = Vec::new();
    let each = |node: Value| {
        if node["name"] == name || node["id"] == name {
            found.push(node["id"].clone());
        }
        Ok::<_, ClientError>(())
    };
    pages(client, SAVED, json!({ "name": name }), u64::MAX, each).await?;
    match found.as_slice() {
        [id] => Ok(id.clone()),
        [] if name.starts_with("qry_") => Ok(json!(name)),
        [] => Err(format!("there is no saved query `{name}`").into()),
        _ => {
            let ids: Vec<_> = found.iter().filter_map(Value::as_str).collect();
            Err(format!("several teams have a saved query `{name}`; pass the id of one: {}", ids.join(", "))
                .into())
        }
    }
}

impl View {
    /// Starts a campaign and watches it.
    pub(super) async fn start(
        &self,
        client: &Client,
        connect: &Connect,
        source: Value,
        targets: Value,
    ) -> Result<ExitCode, Failure> {
        let campaign = start(client, source, targets).await?;
        self.watch(client, connect, campaign, None).await
    }

    /// Watches a campaign, after a cursor or from its beginning; says how to resume unless it ended.
    async fn watch(
        &self,
        client: &Client,
        connect: &Connect,
        campaign: String,
        cursor: Option<String>,
    ) -> Result<ExitCode, Failure> {
        let how = Watch { format: self.format, wait: self.timeout, stop: stop_signal()? };
        let asked = watch(client, campaign, cursor, how).await?;
        let (why, code) = match &asked.ending {
            Ending::Ended(totals) => {
                let is_whole = totals.failed + totals.outstanding + totals.rows_dropped == 0;
                return Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(PARTIAL) });
            }
            Ending::TimedOut => {
                ("the time is over, and the campaign goes on".to_owned(), ExitCode::from(TIMED_OUT))
            }
            Ending::Interrupted => {
                ("interrupted; the campaign goes on".to_owned(), ExitCode::from(INTERRUPTED))
            }
            Ending::Lost(why) => {
                (format!("the server is lost ({why}), and the time is over"), ExitCode::from(UNREACHABLE))
            }
            Ending::Refused(why) => (why.clone(), ExitCode::FAILURE),
        };
        talk(format_args!("muster: {why}\nResume with:\n  {}", self.resume(connect, &asked)));
        Ok(code)
    }

    /// The command that goes on where `asked` ended.
    fn resume(&self, connect: &Connect, asked: &Asked) -> String {
        let place = match &asked.cursor {
            Some(cursor) => format!("{}@{cursor}", asked.campaign),
            None => asked.campaign.clone(),
        };
        let mut words = ["muster", "query", "--resume", &place].map(str::to_owned).to_vec();
        if self.format != Format::Ndjson {
            words.extend(["--format".to_owned(), self.format.word().to_owned()]);
        }
        words.extend(["--timeout".to_owned(), humantime::format_duration(self.timeout).to_string()]);
        words.extend(connect.flags());
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more() {
        assert_eq!(quoted("cmp_a@b-c_d"), "cmp_a@b-c_d");
        assert_eq!(quoted("my ca's.pem"), r"'my ca'\''s.pem'");
        assert_eq!(quoted(""), "''");
    }
}
