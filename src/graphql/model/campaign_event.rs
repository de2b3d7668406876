//! What happened in a campaign: events, pages of them, and batches of a subscription.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, SimpleObject};
use entity::id::HostId;

use super::campaign::{CampaignStatus, CampaignTotals};
use super::campaign_target::CampaignHostErrorCode;
use super::host::Host;
use crate::fleet::FleetError;
use crate::fleet::campaigns::{self, EventBatch, EventBody, HostFailed, HostRows};
use crate::graphql::connection::{Listed, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::shown;
use crate::graphql::loader::{EventsOf, Known};
use crate::graphql::page::rows;
use crate::graphql::scalars::{DateTime, OsqueryRows, int};

/// Something that happened in a campaign. Events are totally ordered; nobody misses one they may see.
#[derive(Clone, Debug, Interface)]
#[graphql(
    field(name = "cursor", ty = "&String", desc = "Sealed position; pass it as `after` to resume."),
    field(name = "occurred_at", ty = "&DateTime", desc = "Server time.")
)]
pub enum CampaignEvent {
    /// A host's rows.
    Rows(CampaignHostRows),
    /// A host's failure.
    Error(CampaignHostError),
    /// The end.
    Ended(CampaignEnded),
}

impl From<campaigns::Event> for CampaignEvent {
    fn from(event: campaigns::Event) -> Self {
        let (cursor, occurred_at) = (event.cursor, DateTime(event.occurred_at));
        match event.body {
            EventBody::Rows(answer) => Self::Rows(CampaignHostRows { cursor, occurred_at, answer }),
            EventBody::Failure(answer) => Self::Error(CampaignHostError { cursor, occurred_at, answer }),
            EventBody::Ended { status, totals } => {
                let (status, totals) = (status.into(), totals.into());
                Self::Ended(CampaignEnded { cursor, occurred_at, totals, status })
            }
        }
    }
}

/// Rows from one host; a large answer arrives as several chunks.
#[derive(Clone, Debug)]
pub struct CampaignHostRows {
    cursor: String,
    occurred_at: DateTime,
    answer: Arc<HostRows>,
}

/// Rows from one host; a large answer arrives as several chunks.
#[Object]
impl CampaignHostRows {
    /// Sealed position.
    async fn cursor(&self) -> &String {
        &self.cursor
    }

    /// Server time.
    async fn occurred_at(&self) -> &DateTime {
        &self.occurred_at
    }

    /// Id of the host, also when it was deleted since.
    async fn host_id(&self) -> ID {
        shown(&self.answer.host_public_id)
    }

    /// Host name as of the answer.
    async fn hostname(&self) -> &str {
        &self.answer.hostname
    }

    /// The host; null when it was deleted or is not visible to the caller.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.answer.host_id).await
    }

    /// Column names, in order.
    async fn columns(&self) -> &[String] {
        &self.answer.columns
    }

    /// The rows of this chunk.
    async fn rows(&self) -> OsqueryRows {
        OsqueryRows(self.answer.rows.clone())
    }

    /// Chunk number from 0.
    async fn chunk(&self) -> i32 {
        int(self.answer.chunk)
    }

    /// True for the host's last chunk.
    async fn is_last_chunk(&self) -> bool {
        self.answer.is_last_chunk
    }

    /// Rows that limits dropped from this host's answer, in its last chunk.
    async fn rows_dropped(&self) -> i32 {
        int(self.answer.rows_dropped)
    }

    /// Time the query took on the host, when reported.
    async fn duration_ms(&self) -> Option<i32> {
        self.answer.duration_ms.map(int)
    }
}

/// A host's failure to run the query.
#[derive(Clone, Debug)]
pub struct CampaignHostError {
    cursor: String,
    occurred_at: DateTime,
    answer: Arc<HostFailed>,
}

/// A host's failure to run the query.
#[Object]
impl CampaignHostError {
    /// Sealed position.
    async fn cursor(&self) -> &String {
        &self.cursor
    }

    /// Server time.
    async fn occurred_at(&self) -> &DateTime {
        &self.occurred_at
    }

    /// Id of the host, also when it was deleted since.
    async fn host_id(&self) -> ID {
        shown(&self.answer.host_public_id)
    }

    /// Host name as of the answer.
    async fn hostname(&self) -> &str {
        &self.answer.hostname
    }

    /// The host; null when it was deleted or is not visible to the caller.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.answer.host_id).await
    }

    /// Kind of failure.
    async fn code(&self) -> CampaignHostErrorCode {
        self.answer.failure.code.into()
    }

    /// osquery's message, cleaned and cut to 1 KiB.
    async fn message(&self) -> &str {
        &self.answer.failure.message
    }
}

/// Last event of every campaign; the stream completes after it.
#[derive(Clone, Debug, SimpleObject)]
pub struct CampaignEnded {
    /// Sealed position.
    cursor: String,
    /// Server time.
    occurred_at: DateTime,
    /// Final counters, of the hosts the caller may see.
    totals: CampaignTotals,
    /// Final state.
    status: CampaignStatus,
}

connection! {
    /// Page of campaign events.
    CampaignEventConnection {}

    /// One event in a page.
    CampaignEventEdge {
        /// The event.
        CampaignEvent
    }
}

impl CampaignEventConnection {
    /// The events of a campaign that a client asks for, of one host or of all.
    ///
    /// # Errors
    /// `first` or the cursor is not acceptable; the events are gone; denied; unavailable.
    pub async fn of(
        ctx: &Context<'_>,
        campaign: &campaigns::Campaign,
        host: Option<HostId>,
        first: i32,
        after: Option<&str>,
    ) -> Result<Self> {
        let limit = rows("first", first)?;
        let (campaign, after) = (Known::campaign(campaign), after.map(str::to_owned));
        let wanted = EventsOf { campaign, host, after: after.clone(), limit };
        let page = ctx.load(wanted).await?.ok_or(FleetError::NotFound("campaign"))??;
        Ok(Self::new(Listed::events(after.as_deref(), page)))
    }
}

/// What one subscription message carries: events in order, and the counters after them.
#[derive(Clone, Debug, SimpleObject)]
pub struct CampaignEventBatch {
    /// Events, oldest first; empty when only the counters changed.
    events: Vec<CampaignEvent>,
    /// Resume position after this batch: pass it as `after`.
    end_cursor: String,
    /// Newest counters, never behind the rows shown.
    totals: CampaignTotals,
    /// Newest state.
    status: CampaignStatus,
    /// True in the last batch.
    is_final: bool,
}

impl From<EventBatch> for CampaignEventBatch {
    fn from(batch: EventBatch) -> Self {
        let EventBatch { events, end_cursor, totals, status, is_final } = batch;
        let events = events.into_iter().map(CampaignEvent::from).collect();
        Self { events, end_cursor, totals: totals.into(), status: status.into(), is_final }
    }
}
