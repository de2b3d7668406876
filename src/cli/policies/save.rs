//! Making and changing policies.

use std::io::Read as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::Failure;
use crate::cli::campaign::words;
use crate::cli::client::Client;
use crate::cli::connect::Connect;
use crate::cli::find::{label_ids, policy_id, team_id};
use crate::cli::terminal::{data, talk};

const CREATE: &str = "\
mutation ($input: CreatePolicyInput!) {
  createPolicy(input: $input) { policy { id } userErrors { message code } }
}";
const EDIT: &str = "\
mutation ($input: UpdatePolicyInput!) {
  updatePolicy(input: $input) { policy { id } userErrors { message code } }
}";

/// Make a policy and print its id; hosts that it is about are asked within about a minute.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Its name, unique in its team.
    #[arg(long)]
    name: String,
    /// osquery SQL, or - to read it from standard input; a host where it returns a row passes.
    #[arg(long)]
    sql: String,
    /// The team whose hosts it is about, by name [default: all hosts].
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    #[command(flatten)]
    rest: Rest,
    #[command(flatten)]
    connect: Connect,
}

/// Change a policy. With another SQL all results begin anew.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Its name or id.
    policy: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// Other SQL, or - to read it from standard input.
    #[arg(long)]
    sql: Option<String>,
    /// It matters no more than others.
    #[arg(long, conflicts_with = "critical")]
    not_critical: bool,
    #[command(flatten)]
    rest: Rest,
    #[command(flatten)]
    connect: Connect,
}

/// What both may say.
#[derive(Debug, Args)]
struct Rest {
    /// Purpose.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What to do where it fails.
    #[arg(long, value_name = "TEXT")]
    resolution: Option<String>,
    /// It matters more than others.
    #[arg(long)]
    critical: bool,
    /// The platforms it is about: linux, darwin, windows, freebsd, other [default: all].
    #[arg(long, value_name = "PLATFORM,…", value_delimiter = ',')]
    platforms: Vec<String>,
    /// A host must have one of these labels, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    labels: Vec<String>,
    /// A host must have none of these labels, by name.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    without_labels: Vec<String>,
}

impl Create {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let mut input = self.rest.input(&client).await?;
        input.insert("name".to_owned(), json!(self.name));
        input.insert("sql".to_owned(), json!(sql_of(&self.sql)?));
        input.insert("teamId".to_owned(), team_id(&client, self.team.as_deref()).await?);
        let made = client.mutate(CREATE, json!({ "input": input }), "createPolicy").await?;
        data(made["policy"]["id"].as_str().unwrap_or_default())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Edit {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let mut input = self.rest.input(&client).await?;
        if let Some(name) = &self.name {
            input.insert("name".to_owned(), json!(name));
        }
        if let Some(sql) = &self.sql {
            input.insert("sql".to_owned(), json!(sql_of(sql)?));
        }
        if self.not_critical {
            input.insert("critical".to_owned(), json!(false));
        }
        if input.is_empty() {
            return Err("nothing is to be changed: pass what shall be otherwise".into());
        }
        input.insert("id".to_owned(), policy_id(&client, &self.policy).await?);
        client.mutate(EDIT, json!({ "input": input }), "updatePolicy").await?;
        talk(format_args!("{} is changed", self.policy));
        Ok(ExitCode::SUCCESS)
    }
}

impl Rest {
    /// The fields of an input that are given.
    async fn input(&self, client: &Client) -> Result<Map<String, Value>, Failure> {
        let mut input = Map::new();
        for (name, text) in [("description", &self.description), ("resolution", &self.resolution)] {
            if let Some(text) = text {
                input.insert(name.to_owned(), json!(text));
            }
        }
        if self.critical {
            input.insert("critical".to_owned(), json!(true));
        }
        if !self.platforms.is_empty() {
            input.insert("platforms".to_owned(), json!(words(&self.platforms)));
        }
        for (name, labels) in [("labelsIncludeAny", &self.labels), ("labelsExcludeAny", &self.without_labels)]
        {
            if !labels.is_empty() {
                input.insert(name.to_owned(), label_ids(client, labels).await?.into());
            }
        }
        Ok(input)
    }
}

/// The SQL, or what standard input says where it is `-`.
fn sql_of(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut sql = String::new();
    std::io::stdin().read_to_string(&mut sql)?;
    if sql.trim().is_empty() {
        Err("no SQL came by standard input".into())
    } else {
        Ok(sql.trim().to_owned())
    }
}
