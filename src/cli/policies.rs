//! `muster policies`: yes/no queries about hosts, and how these stand to them.

mod save;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::campaign::words;
use super::connect::Connect;
use super::find::{host_id, policy_id, team_id, unknown};
use super::list::List;
use super::one::{One, names, node};
use super::terminal::prompt::confirm;
use super::terminal::talk;
use save::{Create, Edit};

const LIST: &str = "\
query (
  $first: Int!, $after: String, $teamId: ID, $critical: Boolean, $failing: Boolean, $search: String,
  $sort: PolicySort
) {
  page: policies(
    first: $first, after: $after, teamId: $teamId, critical: $critical, failing: $failing, search: $search,
    sort: $sort
  ) {
    nodes { id name critical team { name } platforms counts { passing failing error unanswered } sql resolution }
    pageInfo { hasNextPage endCursor }
  }
}";
/// What a table shows of a policy.
const COLUMNS: &[&str] = &["name", "team", "critical", "passing", "failing", "error", "unanswered"];
const SHOW: &str = "\
query ($id: ID!) {
  node(id: $id) {
    ... on Policy {
      id name description resolution critical team { id name } platforms
      labelsIncludeAny { name } labelsExcludeAny { name } sql version updatedAt
      counts { passing failing error unanswered }
    }
  }
}";
const HOSTS: &str = "\
query ($first: Int!, $after: String, $id: ID!, $state: PolicyState) {
  node(id: $id) {
    ... on Policy {
      page: hosts(first: $first, after: $after, state: $state) {
        nodes { host { id name: hostname team { name } } state since checkedAt error }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}";
/// What a table shows of a host that stands so to a policy.
const HOST_COLUMNS: &[&str] = &["host", "state", "since", "checkedAt", "error"];
const OF_HOST: &str = "\
query ($first: Int!, $after: String, $id: ID!) {
  host(by: { id: $id }) {
    page: policies(first: $first, after: $after) {
      nodes { policy { id name critical } state since checkedAt error }
      pageInfo { hasNextPage endCursor }
    }
  }
}";
/// What a table shows of a policy to which a host stands so.
const OF_HOST_COLUMNS: &[&str] = &["policy", "state", "since", "checkedAt", "error"];
const DELETE: &str = "\
mutation ($input: DeletePolicyInput!) {
  deletePolicy(input: $input) { deletedPolicyId userErrors { message code } }
}";

/// List, show, make, change and delete policies, and show how hosts stand to them.
#[derive(Debug, Args)]
pub(super) struct Policies {
    #[command(subcommand)]
    command: PoliciesCommand,
}

#[derive(Debug, Subcommand)]
enum PoliciesCommand {
    List(ListPolicies),
    Show(Show),
    Hosts(Hosts),
    Host(OfHost),
    Create(Box<Create>),
    Edit(Box<Edit>),
    Delete(Delete),
}

/// Print policies and how many hosts stand how to each: those that most hosts fail come first.
#[derive(Debug, Args)]
struct ListPolicies {
    /// Only those of this team, by name.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only critical ones.
    #[arg(long)]
    critical: bool,
    /// Only those that some host fails.
    #[arg(long)]
    failing: bool,
    /// Only those with this in their name.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print one policy.
#[derive(Debug, Args)]
struct Show {
    /// Its name or id.
    policy: String,
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    connect: Connect,
}

/// Print the hosts that stand so to a policy, since when, and why not.
#[derive(Debug, Args)]
struct Hosts {
    /// Its name or id.
    policy: String,
    /// How they stand to it: fail, pass, error, unanswered; `all` for every one that has answered.
    #[arg(long, value_name = "STATE", default_value = "fail")]
    state: String,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Print how a host stands to the policies that are about it: failing ones first.
#[derive(Debug, Args)]
struct OfHost {
    /// Its name, identifier or id.
    host: String,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
}

/// Delete a policy, and with it what hosts answered.
#[derive(Debug, Args)]
struct Delete {
    /// Its name or id.
    policy: String,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Policies {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            PoliciesCommand::List(list) => list.run().await,
            PoliciesCommand::Show(show) => show.run().await,
            PoliciesCommand::Hosts(hosts) => hosts.run().await,
            PoliciesCommand::Host(of_host) => of_host.run().await,
            PoliciesCommand::Create(create) => create.run().await,
            PoliciesCommand::Edit(edit) => edit.run().await,
            PoliciesCommand::Delete(delete) => delete.run().await,
        }
    }
}

impl ListPolicies {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let team = team_id(&client, self.team.as_deref()).await?;
        let variables = json!({
            "teamId": team,
            "critical": self.critical.then_some(true),
            "failing": self.failing.then_some(true),
            "search": self.search,
            "sort": { "field": "FAILING", "direction": "DESC" },
        });
        self.list.print(&client, LIST, variables, COLUMNS).await
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = policy_id(&client, &self.policy).await?;
        let Some(mut policy) = node(&client, SHOW, id).await? else {
            return Err(unknown("policy", &self.policy));
        };
        for labels in ["labelsIncludeAny", "labelsExcludeAny"] {
            policy[labels] = json!(names(&policy[labels]));
        }
        self.one.print(policy)
    }
}

impl Hosts {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = policy_id(&client, &self.policy).await?;
        let state = words(std::slice::from_ref(&self.state)).pop().filter(|state| state != "ALL");
        self.list.print(&client, HOSTS, json!({ "id": id, "state": state }), HOST_COLUMNS).await
    }
}

impl OfHost {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = host_id(&client, &self.host).await?;
        self.list.print(&client, OF_HOST, json!({ "id": id }), OF_HOST_COLUMNS).await
    }
}

impl Delete {
    async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.connect.client()?;
        let id = policy_id(&client, &self.policy).await?;
        let question = format!("Delete the policy {} and what hosts answered?", self.policy);
        if !self.yes && !confirm(&question, "pass --yes").await? {
            return Err("nothing was deleted".into());
        }
        let input = json!({ "id": id });
        client.mutate(DELETE, json!({ "input": input }), "deletePolicy").await?;
        talk(format_args!("{} is deleted", self.policy));
        Ok(ExitCode::SUCCESS)
    }
}
