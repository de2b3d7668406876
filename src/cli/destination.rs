//! `muster destination`: where log lines are shipped to.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::connect::Connect;
use super::list::plain;
use super::output::{Format, Printer};
use super::terminal::talk;

const LIST: &str = "\
{
  destinations {
    name type state lagBytes waitingSince deliveredAt deliveredLines parkedLines lastError lastErrorAt isConfigured
    options
  }
}";
/// What a table shows of a destination.
const COLUMNS: &[&str] = &["name", "type", "state", "lagBytes", "deliveredLines", "parkedLines", "lastError"];
const TEST: &str = "\
mutation ($input: TestDestinationInput!) {
  testDestination(input: $input) { delivered reason userErrors { message } }
}";
const PAUSE: &str = "\
mutation ($input: PauseDestinationInput!) {
  changed: pauseDestination(input: $input) { destination { name } userErrors { message } }
}";
const RESUME: &str = "\
mutation ($input: ResumeDestinationInput!) {
  changed: resumeDestination(input: $input) { destination { name } userErrors { message } }
}";
const REPLAY: &str = "\
mutation ($input: ReplayDestinationInput!) {
  changed: replayDestination(input: $input) { destination { name } userErrors { message } }
}";

/// List, test, pause, resume and replay log destinations.
#[derive(Debug, Args)]
pub(super) struct Destination {
    #[command(subcommand)]
    command: DestinationCommand,
}

#[derive(Debug, Subcommand)]
enum DestinationCommand {
    List(ListDestinations),
    /// Send one marked line, from the server that answers.
    Test(Named),
    /// Stop to ship; lines wait in the spool.
    Pause(Named),
    /// Ship again, from where it left off.
    Resume(Named),
    Replay(Replay),
}

/// Print destinations, and how they are doing on the server that answers.
#[derive(Debug, Args)]
struct ListDestinations {
    /// How the list is printed [default: table on a terminal, else ndjson].
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    connect: Connect,
}

/// A destination.
#[derive(Debug, Args)]
struct Named {
    /// Its name.
    name: String,
    #[command(flatten)]
    connect: Connect,
}

/// Ship lines again that came at or after a time, as far as they are kept.
#[derive(Debug, Args)]
struct Replay {
    #[command(flatten)]
    named: Named,
    /// From when on: 2026-11-22T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: String,
}

impl Destination {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            DestinationCommand::List(list) => list.run().await,
            DestinationCommand::Test(named) => named.test().await,
            DestinationCommand::Pause(named) => named.change(PAUSE, json!({ "name": named.name })).await,
            DestinationCommand::Resume(named) => named.change(RESUME, json!({ "name": named.name })).await,
            DestinationCommand::Replay(Replay { named, from }) => {
                named.change(REPLAY, json!({ "name": named.name, "from": from })).await
            }
        }
    }
}

impl ListDestinations {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let mut answer = client.call(LIST, json!({})).await?;
        let mut printer = Printer::new(self.format.unwrap_or_else(Format::of_lists))?;
        let Value::Array(destinations) = answer["destinations"].take() else { return Ok(ExitCode::SUCCESS) };
        for destination in destinations {
            let Value::Object(mut destination) = destination else { continue };
            if printer.has_cells() {
                destination.remove("options");
                destination = plain(destination);
            }
            if printer.is_table() {
                let of = |column: &&str| Some(((*column).to_owned(), destination.remove(*column)?));
                destination = COLUMNS.iter().filter_map(of).collect();
            }
            printer.object(destination)?;
        }
        printer.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn test(&self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let answer = client.call(TEST, json!({ "input": { "name": self.name } })).await?;
        let outcome = &answer["testDestination"];
        mended(outcome)?;
        if outcome["delivered"] == true {
            talk(format_args!("a marked line was delivered to {}", self.name));
            return Ok(ExitCode::SUCCESS);
        }
        let reason = outcome["reason"].as_str().unwrap_or("it was not delivered");
        Err(format!("{}: {reason}", self.name).into())
    }

    async fn change(&self, document: &str, input: Value) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let answer = client.call(document, json!({ "input": input })).await?;
        mended(&answer["changed"])?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The first thing that the server wants mended is the failure.
fn mended(payload: &Value) -> Result<(), Failure> {
    match payload["userErrors"][0]["message"].as_str() {
        Some(message) => Err(message.to_owned().into()),
        None => Ok(()),
    }
}
