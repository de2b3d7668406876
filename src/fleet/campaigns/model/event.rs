//! What happened in a campaign, as a viewer sees it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::id::{HostId, PublicId};
use entity::kind::CampaignStatus;

use super::{HostFailure, Totals};
use crate::clock::Timestamp;

/// Something that happened in a campaign, as one viewer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Sealed position.
    pub cursor: String,
    /// Server time.
    pub occurred_at: Timestamp,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// A chunk of rows of one host.
    Rows(Arc<HostRows>),
    /// A host's failure.
    Failure(Arc<HostFailed>),
    /// The end.
    Ended {
        /// Final state.
        status: CampaignStatus,
        /// Final counters, of the hosts the viewer may see.
        totals: Totals,
    },
}

/// A chunk of rows of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRows {
    /// Inside id of the host.
    pub host_id: HostId,
    /// Outside id of the host.
    pub host_public_id: PublicId,
    /// Host name as of the answer.
    pub hostname: String,
    /// Column names, in order.
    pub columns: Vec<String>,
    /// The rows: a JSON array of objects, column to string or null, encoded once for all viewers.
    pub rows: Bytes,
    /// Chunk number from 0.
    pub chunk: i64,
    /// Whether it is the host's last chunk.
    pub is_last_chunk: bool,
    /// Rows that limits dropped from the host's answer, in its last chunk.
    pub rows_dropped: i64,
    /// Time the query took on the host.
    pub duration_ms: Option<i64>,
}

/// A host's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFailed {
    /// Inside id of the host.
    pub host_id: HostId,
    /// Outside id of the host.
    pub host_public_id: PublicId,
    /// Host name as of the answer.
    pub hostname: String,
    /// Why.
    pub failure: HostFailure,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// Events in order.
    pub events: Vec<Event>,
    /// Whether more follow now.
    pub more: bool,
    /// Cursor of the last event read, seen or not by the viewer; where to go on.
    pub end_cursor: String,
}

/// What one message to a viewer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    /// Events, oldest first; empty when only the counters are told.
    pub events: Vec<Event>,
    /// Resume position after this batch.
    pub end_cursor: String,
    /// Newest counters, never behind the rows shown.
    pub totals: Totals,
    /// Newest state.
    pub status: CampaignStatus,
    /// True in the last batch.
    pub is_final: bool,
}

/// How a viewer wants their batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchOptions {
    /// Events at most, 1 to 1,000.
    pub max_size: usize,
    /// How long events may be held back to fill a batch, 0 to 5 s.
    pub max_delay: Duration,
}
