//! An event of a campaign: as stored, as sent between servers, as shown.

use std::sync::Arc;

use bytes::Bytes;
use entity::id::{HostId, PublicId, TeamId};
use entity::kind::{CampaignStatus, EventKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Event, EventBody, HostFailed, HostFailure, HostRows, Totals};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::StoreError;
use crate::store::campaign_events::EventRow;

/// An event in memory, ready for any number of viewers.
#[derive(Clone, Debug)]
pub(super) struct KnownEvent {
    /// Position in its campaign.
    pub(super) position: i64,
    /// Team that may see it; none for the end, which all may see.
    pub(super) team: Option<TeamId>,
    /// Server time.
    pub(super) occurred_at: Timestamp,
    /// Bytes it holds.
    pub(super) size: usize,
    body: KnownBody,
}

#[derive(Clone, Debug)]
enum KnownBody {
    Rows(Arc<HostRows>),
    Failure(Arc<HostFailed>),
    Ended(CampaignStatus),
}

/// Body of an event of kind ROWS, in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct RowsBody<'a> {
    pub(super) host: PublicId,
    pub(super) hostname: String,
    pub(super) columns: Vec<String>,
    pub(super) chunk: i64,
    pub(super) last: bool,
    pub(super) rows_dropped: i64,
    pub(super) duration_ms: Option<i64>,
    #[serde(borrow)]
    pub(super) rows: &'a RawValue,
}

/// Body of an event of kind FAILURE, in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct FailureBody {
    pub(super) host: PublicId,
    pub(super) hostname: String,
    pub(super) failure: HostFailure,
}

/// Body of an event of kind ENDED, in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct EndedBody {
    pub(super) status: CampaignStatus,
}

impl KnownEvent {
    /// Reads a stored event.
    pub(super) fn read(row: EventRow) -> Result<Self, StoreError> {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(format!("campaign event: {error}"));
        let host = row.host_id.unwrap_or_default();
        let size = row.body.len();
        let body = match row.kind {
            EventKind::Rows => KnownBody::Rows(Arc::new(read_rows(host, row.body).map_err(corrupt)?)),
            EventKind::Failure => {
                let body: FailureBody = serde_json::from_slice(&row.body).map_err(corrupt)?;
                KnownBody::Failure(Arc::new(HostFailed {
                    host_id: host,
                    host_public_id: body.host,
                    hostname: body.hostname,
                    failure: body.failure,
                }))
            }
            EventKind::Ended => {
                let body: EndedBody = serde_json::from_slice(&row.body).map_err(corrupt)?;
                KnownBody::Ended(body.status)
            }
        };
        Ok(Self { position: row.position, team: row.team_id, occurred_at: row.occurred_at, size, body })
    }

    /// Whether a viewer of this scope may see it.
    pub(super) fn is_visible(&self, scope: &Scope) -> bool {
        self.team.is_none_or(|team| scope.includes(team))
    }

    /// The event as a viewer sees it: under its cursor, the end with the viewer's own totals.
    pub(super) fn shown(&self, cursor: String, totals: Totals) -> Event {
        let body = match &self.body {
            KnownBody::Rows(rows) => EventBody::Rows(Arc::clone(rows)),
            KnownBody::Failure(failed) => EventBody::Failure(Arc::clone(failed)),
            KnownBody::Ended(status) => EventBody::Ended { status: *status, totals },
        };
        Event { cursor, occurred_at: self.occurred_at, body }
    }
}

/// Reads a body of rows without copying the rows themselves: they stay a slice of the stored bytes.
fn read_rows(host_id: HostId, stored: Vec<u8>) -> Result<HostRows, serde_json::Error> {
    let stored = Bytes::from(stored);
    let body: RowsBody<'_> = serde_json::from_slice(&stored)?;
    Ok(HostRows {
        host_id,
        host_public_id: body.host,
        hostname: body.hostname,
        columns: body.columns,
        rows: stored.slice_ref(body.rows.get().as_bytes()),
        chunk: body.chunk,
        is_last_chunk: body.last,
        rows_dropped: body.rows_dropped,
        duration_ms: body.duration_ms,
    })
}
