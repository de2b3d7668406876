//! `muster campaign`: live queries that run or ran.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Failure;
use super::client::Client;
use super::connect::Connect;
use super::list::List;
use super::one::{One, node};
use super::query::{View, unknown_campaign};
use super::terminal::talk;

const LIST: &str = "\
query ($first: Int!, $after: String, $search: String, $statuses: [CampaignStatus!]) {
  page: campaigns(first: $first, after: $after, search: $search, statuses: $statuses) {
    nodes {
      id status createdAt createdBy { displayName } name sql
      totals { targeted responded failed outstanding rows }
    }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a campaign.
const COLUMNS: &[&str] = &["id", "status", "targeted", "responded", "failed", "sql"];
const SHOW: &str = "\
query ($id: ID!) {
  node(id: $id) {
    ... on Campaign {
      id status name sql savedQuery { id name sql } rerunOf { id }
      createdAt createdBy { displayName } expiresAt endedAt eventsPurgedAt onlineOutstanding
      totals { targeted responded succeeded failed outstanding rows rowsDropped }
    }
  }
}";
const STOP: &str = "\
mutation ($input: StopCampaignInput!) {
  stopCampaign(input: $input) { campaign { id status } userErrors { message code } }
}";

/// List, show, stop and rerun live queries.
#[derive(Debug, Args)]
pub(super) struct Campaign {
    #[command(subcommand)]
    command: CampaignCommand,
}

#[derive(Debug, Subcommand)]
enum CampaignCommand {
    List(ListCampaigns),
    Show(Show),
    Stop(Stop),
    Rerun(Rerun),
}

/// Print campaigns, newest first.
#[derive(Debug, Args)]
struct ListCampaigns {
    /// Only those in one of these states: running, completed, expired, stopped.
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',')]
    status: Vec<String>,
    /// Only those with this in their name or SQL.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print one campaign and its counters.
#[derive(Debug, Args)]
struct Show {
    /// Its id.
    id: String,
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    connect: Connect,
}

/// Stop a campaign; hosts that have not answered are not awaited any more.
#[derive(Debug, Args)]
struct Stop {
    /// Its id.
    id: String,
    #[command(flatten)]
    connect: Connect,
}

/// Ask hosts of an earlier campaign its question again, and print their answers as `query` does.
#[derive(Debug, Args)]
struct Rerun {
    /// Its id.
    id: String,
    /// Hosts in these states of it: pending, failed, succeeded.
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', default_value = "pending,failed")]
    states: Vec<String>,
    #[command(flatten)]
    view: View,
    #[command(flatten)]
    connect: Connect,
}

impl Campaign {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            CampaignCommand::List(list) => list.run().await,
            CampaignCommand::Show(show) => show.run().await,
            CampaignCommand::Stop(stop) => stop.run().await,
            CampaignCommand::Rerun(rerun) => Box::pin(rerun.run()).await,
        }
    }
}

impl ListCampaigns {
    async fn run(self) -> Result<ExitCode, Failure> {
        let statuses = (!self.status.is_empty()).then(|| words(&self.status));
        let variables = json!({ "search": self.search, "statuses": statuses });
        self.list.print(&self.connect.client()?, LIST, variables, COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let mut campaign = find(&self.connect.client()?, &self.id).await?;
        if let Some(Value::Object(saved)) = campaign.get_mut("savedQuery") {
            saved.remove("sql");
        }
        self.one.print(campaign)
    }
}

impl Stop {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let input = json!({ "campaignId": self.id });
        let payload = client.mutate(STOP, json!({ "input": input }), "stopCampaign").await?;
        let status = payload["campaign"]["status"].as_str().unwrap_or("unknown").to_lowercase();
        talk(format_args!("{} is {status}", self.id));
        Ok(ExitCode::SUCCESS)
    }
}

impl Rerun {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let campaign = find(&client, &self.id).await?;
        // The saved query may be run by more people than its SQL; but it may ask something else by now.
        let saved = &campaign["savedQuery"];
        let source = if saved["sql"].is_string() && saved["sql"] == campaign["sql"] {
            json!({ "savedQueryId": saved["id"] })
        } else {
            json!({ "sql": campaign["sql"] })
        };
        let targets = json!({ "campaign": { "campaignId": self.id, "states": words(&self.states) } });
        self.view.start(&client, &self.connect, source, targets).await
    }
}

async fn find(client: &Client, id: &str) -> Result<Map<String, Value>, Failure> {
    node(client, SHOW, json!(id)).await?.ok_or_else(|| unknown_campaign(id))
}

/// Words as the API spells its enumerations.
pub(super) fn words(words: &[String]) -> Vec<String> {
    words.iter().map(|word| word.trim().to_uppercase()).collect()
}
