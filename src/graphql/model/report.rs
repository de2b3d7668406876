//! Reports of scheduled queries.

use async_graphql::{Context, Object};
use bytes::Bytes;

use super::host::Host;
use super::report_row::{self, ReportRowConnection, RowCondition, RowSort};
use super::saved_query::SavedQuery;
use super::scheduled_query::ReportState;
use crate::clock::Timestamp;
use crate::fleet::reports;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::loader::DenylistedSince;
use crate::graphql::page::rows;
use crate::graphql::scalars::{DateTime, OsqueryRows, Text, UInt64};

/// The latest rows of a scheduled query on a host.
#[derive(Clone, Debug)]
pub struct Report(pub reports::Report);

impl Report {
    async fn denylisted(&self, ctx: &Context<'_>) -> Result<Option<Timestamp>> {
        ctx.load(DenylistedSince(self.0.host_id, self.0.name.clone())).await
    }
}

/// The latest rows of a scheduled query on a host.
#[Object]
impl Report {
    /// The host; null when it is not visible any more.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.0.host_id).await
    }

    /// The query; null when it was not on the host's schedule when the last line came, or is gone.
    async fn saved_query(&self, ctx: &Context<'_>) -> Result<Option<SavedQuery>> {
        match self.0.saved_query_id {
            Some(id) => ctx.load(id).await,
            None => Ok(None),
        }
    }

    /// The name under which the host logs the query.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The query was on the host's schedule when the last line came. What is not is kept apart.
    async fn is_scheduled(&self) -> bool {
        self.0.saved_query_id.is_some()
    }

    /// What became of the query: it has rows, or none, or osquery refuses to run it. One that never answered has no report.
    async fn state(&self, ctx: &Context<'_>) -> Result<ReportState> {
        Ok(match self.denylisted(ctx).await? {
            Some(_) => ReportState::Denylisted,
            None if self.0.row_count == 0 && self.0.dropped == 0 => ReportState::Empty,
            None => ReportState::Rows,
        })
    }

    /// Since when osquery refuses to run the query: when the host first told so. Null when it does not refuse.
    async fn denylisted_since(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.denylisted(ctx).await?.map(DateTime))
    }

    /// The rows as a table: those that meet all conditions, sorted by a column or in the order of what they say.
    async fn report_rows(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(name = "where", desc = "Conditions that a row must all meet; at most 20.")]
        conditions: Option<Vec<RowCondition>>,
        #[graphql(desc = "Column to sort by.")] order_by: Option<RowSort>,
    ) -> Result<ReportRowConnection> {
        let page = (rows("first", first)?, after.as_ref().map(|after| after.0.as_str()));
        let wanted = report_row::wanted(conditions, order_by);
        let found = ctx.fleet().rows_of_report(ctx.actor(), self.0.id, wanted, page).await?;
        Ok(ReportRowConnection::of(after.as_ref(), found))
    }

    /// The latest rows, those that came first before the others.
    async fn rows(&self) -> OsqueryRows {
        OsqueryRows(Bytes::from(self.0.rows.clone()))
    }

    /// How many rows the query has on the host, those that are not kept included.
    async fn row_count(&self) -> UInt64 {
        UInt64::from(self.0.row_count + self.0.dropped)
    }

    /// How many of them are not kept: the oldest, where there are too many.
    async fn rows_dropped(&self) -> UInt64 {
        UInt64::from(self.0.dropped)
    }

    /// A run that said everything was seen; otherwise rows from before the first line are missing.
    async fn is_complete(&self) -> bool {
        self.0.is_complete
    }

    /// When the host logged the last line, by its own clock.
    async fn logged_at(&self) -> DateTime {
        DateTime(Timestamp(self.0.logged_at.saturating_mul(1_000)))
    }

    /// When the last line came.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }
}

connection! {
    /// Page of reports.
    ReportConnection {}

    /// One report in a page.
    ReportEdge {
        /// The report.
        Report
    }
}
