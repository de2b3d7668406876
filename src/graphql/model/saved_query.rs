//! Saved queries.

use async_graphql::{Context, ID, Object};
use entity::id::PackId;

use super::campaign::CampaignConnection;
use super::host_filter::{HostFilter, each_into};
use super::pack::Pack;
use super::query_health::QueryHealth;
use super::report::{Report, ReportConnection};
use super::report_row::{self, ReportRowConnection, RowCondition, RowSort};
use super::schedule::Schedule;
use super::scheduled_query::{ReportState, ScheduledQuery, ScheduledQueryConnection};
use super::team::Team;
use super::user::Actor;
use crate::fleet::hosts::Page;
use crate::fleet::saved_queries::{self, SavedQueryFilter};
use crate::fleet::{schedule, teams};
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::loader::{HealthOf, HostsRunning, Known, PackQueries, QueryReports, TeamQueries};
use crate::graphql::page::{List, rows};
use crate::graphql::scalars::{DateTime, Text};

/// A stored osquery SQL query.
#[derive(Clone, Debug)]
pub struct SavedQuery(pub saved_queries::SavedQuery);

impl Identified for SavedQuery {
    const PREFIX: &'static str = "qry";
}

/// A stored osquery SQL query.
#[Object]
impl SavedQuery {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name, unique in its pack, or among those of its team that are in none.
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

    /// Observers may run it live.
    async fn observer_can_run(&self) -> bool {
        self.0.observer_can_run
    }

    /// Owner team; null for global.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// Author.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        Actor::load(ctx, self.0.created_by).await
    }

    /// When and where it runs on its own, and what becomes of its results; null when it runs only live.
    async fn schedule(&self) -> Option<Schedule> {
        schedule::Schedule::of(&self.0).map(Schedule::from)
    }

    /// The latest rows of its schedule, a report for each host that answered.
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Reports at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<ReportConnection>> {
        let request = List::REPORTS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(QueryReports(self.0.id, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(Some(ReportConnection::new(Listed::page(List::REPORTS, &request, page, Report))))
    }

    /// The hosts on whose schedule it is and whose platform it is for, each with what became of it. Null for who may not
    /// read hosts.
    async fn hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Hosts at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Any of these states.")] states: Option<Vec<ReportState>>,
    ) -> Result<Option<ScheduledQueryConnection>> {
        let request = List::QUERY_HOSTS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let asked = HostsRunning {
            query: Known::query(&self.0),
            states: states.map(each_into),
            page: request.clone(),
        };
        let page = ctx.load(asked).await?.unwrap_or_else(Page::empty);
        Ok(Some(ScheduledQueryConnection::new(Listed::page(
            List::QUERY_HOSTS,
            &request,
            page,
            ScheduledQuery,
        ))))
    }

    /// The rows of its reports as a table: those that meet all conditions, sorted by a column or by report. Null for who
    /// may not read hosts.
    async fn report_rows(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(name = "where", desc = "Conditions that a row must all meet; at most 20.")]
        conditions: Option<Vec<RowCondition>>,
        #[graphql(desc = "Column to sort by; refused where the reports have more than 64 MiB of rows.")]
        order_by: Option<RowSort>,
        #[graphql(desc = "Only rows of hosts that meet this.")] hosts: Option<HostFilter>,
    ) -> Result<Option<ReportRowConnection>> {
        let page = (rows("first", first)?, after.as_ref().map(|after| after.0.as_str()));
        let (wanted, hosts) = (report_row::wanted(conditions, order_by), hosts.map(Into::into));
        let of = (self.0.id, hosts.as_ref());
        let found = ctx.fleet().rows_of_query(ctx.actor(), of, wanted, page).await?;
        Ok(Some(ReportRowConnection::of(after.as_ref(), found)))
    }

    /// How it fares, on its schedule and live, on the hosts where it fares worst: those that refuse to run it, then those
    /// where it took most time.
    async fn health(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Hosts at most, 1 to 100.", default = 20)] first: i32,
    ) -> Result<Option<Vec<QueryHealth>>> {
        let first = rows("first", first)?;
        let worst = ctx.load(HealthOf(Known::query(&self.0), first)).await?;
        Ok(Some(worst.unwrap_or_default().into_iter().map(QueryHealth).collect()))
    }

    /// Pack that it is in; null for none.
    async fn pack(&self, ctx: &Context<'_>) -> Result<Option<Pack>> {
        Pack::load(ctx, self.0.pack_id).await
    }

    /// Time of last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Runs of the query.
    async fn campaigns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Campaigns at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<CampaignConnection> {
        CampaignConnection::of_query(ctx, self.0.id, first, after).await
    }
}

connection! {
    /// Page of saved queries.
    SavedQueryConnection {
        /// Number that match.
        total_count
    }

    /// One saved query in a page.
    SavedQueryEdge {
        /// The saved query.
        SavedQuery
    }
}

impl SavedQueryConnection {
    /// The saved queries that a client asks for.
    ///
    /// # Errors
    /// `first` or the cursor is not acceptable; denied; unavailable.
    pub async fn of(
        ctx: &Context<'_>,
        first: i32,
        after: Option<Text>,
        filter: SavedQueryFilter,
    ) -> Result<Self> {
        let list = List::SAVED_QUERIES;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().saved_queries(ctx.actor(), &filter, request.clone()).await?;
        Ok(Self::new(Listed::page(list, &request, page, SavedQuery), Total::SavedQueries(filter)))
    }

    /// The saved queries of a team that a client asks for.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn of_team(
        ctx: &Context<'_>,
        team: &teams::Team,
        first: i32,
        after: Option<Text>,
    ) -> Result<Self> {
        let list = List::SAVED_QUERIES;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(TeamQueries(team.id, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(Self::new(Listed::page(list, &request, page, SavedQuery), Total::QueriesOfTeam(team.id)))
    }

    /// The saved queries of a pack that a client asks for.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn of_pack(ctx: &Context<'_>, pack: PackId, first: i32, after: Option<Text>) -> Result<Self> {
        let list = List::SAVED_QUERIES;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(PackQueries(pack, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(Self::new(Listed::page(list, &request, page, SavedQuery), Total::QueriesOfPack(pack)))
    }
}
