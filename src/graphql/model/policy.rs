//! Policies.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entity::id::TeamId;

use super::host::Platform;
use super::host_filter::{SortDirection, each_into};
use super::label::Label;
use super::policy_result::{PolicyResult, PolicyResultConnection};
use super::schedule::labels;
use super::team::Team;
use super::user::Actor;
use crate::fleet::hosts::Page;
use crate::fleet::policies::{self, PolicyFilter};
use crate::fleet::schedule::LabelScope;
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::loader::{CountsOf, ResultsOf, ScopeOf};
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text, int};

/// How a host stands to a policy; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "policies::PolicyState")]
pub enum PolicyState {
    /// The query returned a row or more.
    Pass,
    /// It returned none.
    Fail,
    /// It could not be run.
    Error,
    /// The host has not answered it.
    Unanswered,
}

/// A yes/no query that hosts are asked again and again: where it returns a row, the host passes.
#[derive(Clone, Debug)]
pub struct Policy(pub policies::Policy);

impl Identified for Policy {
    const PREFIX: &'static str = "pol";
}

impl Policy {
    async fn scope(&self, ctx: &Context<'_>) -> Result<LabelScope> {
        Ok(ctx.load(ScopeOf(self.0.id)).await?.unwrap_or_default())
    }
}

/// A yes/no query that hosts are asked again and again: where it returns a row, the host passes.
#[Object]
impl Policy {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name, unique in its team.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// osquery SQL.
    async fn sql(&self) -> &str {
        &self.0.sql
    }

    /// Purpose.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// What to do where it fails.
    async fn resolution(&self) -> Option<&str> {
        self.0.resolution.as_deref()
    }

    /// It matters more than others.
    async fn critical(&self) -> bool {
        self.0.critical
    }

    /// The team whose hosts it is about; null for all hosts.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// The platforms it is about; empty for all.
    async fn platforms(&self) -> Vec<Platform> {
        each_into(policies::platforms(&self.0))
    }

    /// A host must have one of these labels; empty for any host. Null for who may not read labels.
    async fn labels_include_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        labels(ctx, &self.scope(ctx).await?.include_any).await.map(Some)
    }

    /// A host must have none of these labels. Null for who may not read labels.
    async fn labels_exclude_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        labels(ctx, &self.scope(ctx).await?.exclude_any).await.map(Some)
    }

    /// How many hosts stand how to it, of those that the caller may see. Null for who may not read hosts.
    async fn counts(&self, ctx: &Context<'_>) -> Result<Option<PolicyCounts>> {
        let of_teams = ctx.load(CountsOf(self.0.id)).await?.unwrap_or_default();
        Ok(Some(policies::PolicyCounts::sum(&of_teams).into()))
    }

    /// The same by team; teams without a host that it is about are left out. Null for who may not read hosts.
    async fn counts_by_team(&self, ctx: &Context<'_>) -> Result<Option<Vec<PolicyTeamCounts>>> {
        let of_teams = ctx.load(CountsOf(self.0.id)).await?.unwrap_or_default();
        let counts = of_teams.into_iter().filter(|(_, counts)| counts.total() > 0);
        Ok(Some(counts.map(|(team, counts)| PolicyTeamCounts { team, counts: counts.into() }).collect()))
    }

    /// How hosts that the caller may see stand to it, by host. Null for who may not read hosts.
    async fn hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Hosts at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only those that stand so to it; all that have answered when left out.")]
        state: Option<PolicyState>,
    ) -> Result<Option<PolicyResultConnection>> {
        let list = List::POLICY_HOSTS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let key = ResultsOf(self.0.id, (state.map(Into::into), request.clone()));
        let page = ctx.load(key).await?.unwrap_or_else(Page::empty);
        Ok(Some(PolicyResultConnection::new(Listed::page(list, &request, page, PolicyResult))))
    }

    /// Author.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        Actor::load(ctx, self.0.created_by).await
    }

    /// Time of last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// How many hosts stand how to a policy.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct PolicyCounts {
    /// Hosts that pass.
    passing: i32,
    /// Hosts that fail.
    failing: i32,
    /// Hosts where the query could not be run.
    error: i32,
    /// Hosts that it is about and that have not answered it.
    unanswered: i32,
}

impl From<policies::PolicyCounts> for PolicyCounts {
    fn from(counts: policies::PolicyCounts) -> Self {
        let policies::PolicyCounts { passing, failing, erring, unanswered } = counts;
        Self { passing: int(passing), failing: int(failing), error: int(erring), unanswered: int(unanswered) }
    }
}

/// How many hosts of a team stand how to a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyTeamCounts {
    team: TeamId,
    counts: PolicyCounts,
}

/// How many hosts of a team stand how to a policy.
#[Object]
impl PolicyTeamCounts {
    /// The team; null for hosts in none.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.team).await
    }

    /// The counts.
    async fn counts(&self) -> PolicyCounts {
        self.counts
    }
}

/// Fields policies can be sorted by; the id is always the tie-breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "policies::PolicySortField")]
pub enum PolicySortField {
    /// When they were made.
    CreatedAt,
    /// Name.
    Name,
    /// Hosts that fail, of those that the caller may see.
    Failing,
}

/// Sort order of policies.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct PolicySort {
    /// Field to sort by.
    #[graphql(default_with = "PolicySortField::CreatedAt")]
    field: PolicySortField,
    /// Direction to sort in.
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl From<PolicySort> for policies::PolicySort {
    fn from(sort: PolicySort) -> Self {
        Self { field: sort.field.into(), descending: sort.direction == SortDirection::Desc }
    }
}

connection! {
    /// Page of policies.
    PolicyConnection {
        /// Number that match.
        total_count
    }

    /// One policy in a page.
    PolicyEdge {
        /// The policy.
        Policy
    }
}

impl PolicyConnection {
    /// The policies that a client asks for.
    ///
    /// # Errors
    /// `first` or the cursor is not acceptable; denied; unavailable.
    pub async fn of(
        ctx: &Context<'_>,
        first: i32,
        after: Option<Text>,
        filter: PolicyFilter,
        sort: policies::PolicySort,
    ) -> Result<Self> {
        let list = List::policies(sort);
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().policies(ctx.actor(), &filter, sort, request.clone()).await?;
        Ok(Self::new(Listed::page(list, &request, page, Policy), Total::Policies(filter)))
    }
}
