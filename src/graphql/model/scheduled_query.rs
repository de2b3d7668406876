//! What became of scheduled queries on hosts.

use async_graphql::{Context, Enum, Object};

use super::host::Host;
use super::report::Report;
use super::saved_query::SavedQuery;
use crate::fleet::reports;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::scalars::DateTime;

/// What became of a scheduled query on a host; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "reports::ReportState")]
pub enum ReportState {
    /// The query has rows.
    Rows,
    /// The query ran and has no row.
    Empty,
    /// No line of it ever came.
    NeverAnswered,
    /// osquery refuses to run it for a day, for it was stopped in the middle of it. Rows from before may be there.
    Denylisted,
    /// Its results are not kept.
    NotKept,
}

/// A query on the schedule of a host, and what became of it.
#[derive(Clone, Debug)]
pub struct ScheduledQuery(pub reports::ScheduledQuery);

/// A query on the schedule of a host, and what became of it. It is for the platform of the host; whether it runs there may
/// depend on its version, shard and discovery, which the agent decides.
#[Object]
impl ScheduledQuery {
    /// The host; null when it is not visible any more.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.0.host).await
    }

    /// The query; null when it is gone meanwhile.
    async fn saved_query(&self, ctx: &Context<'_>) -> Result<Option<SavedQuery>> {
        ctx.load(self.0.query).await
    }

    /// The name under which the host logs it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What became of it.
    async fn state(&self) -> ReportState {
        self.0.state.into()
    }

    /// Since when osquery refuses to run it: when the host first told so. Null when it does not refuse.
    async fn denylisted_since(&self) -> Option<DateTime> {
        self.0.denylisted_since.map(DateTime)
    }

    /// Its report; null when no line of it ever came.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<Report>> {
        match self.0.report {
            Some(id) => ctx.load(id).await,
            None => Ok(None),
        }
    }
}

connection! {
    /// Page of queries on schedules of hosts.
    ScheduledQueryConnection {}

    /// One of them in a page.
    ScheduledQueryEdge {
        /// The query on the host's schedule.
        ScheduledQuery
    }
}
