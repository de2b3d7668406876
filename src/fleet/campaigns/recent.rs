//! The recent events of campaigns, as the bus keeps them for all servers: replays and other servers read them there
//! first, and what is missing from the store.

use std::sync::Arc;

use entity::id::{CampaignId, PublicId};

use super::event::KnownEvent;
use super::notice::Carried;
use super::record::Recording;
use crate::bus::Entry;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::StoreError;
use crate::store::campaign_events::{self, EventRow, Span};

/// Recent events read at once for one viewer.
const PAGE: usize = 256;

/// Events in order, and how far they were read.
pub(super) struct Found {
    /// The events; perhaps some that are out of scope.
    pub(super) events: Vec<KnownEvent>,
    /// Everything in scope up to this position was read.
    pub(super) read_to: i64,
}

impl Fleet {
    /// After a commit: has the bus keep the new events, if it keeps any.
    pub(super) fn keep_recent(&self, recording: &Recording) {
        if !self.bus.keeps() {
            return;
        }
        let entry = |event: &EventRow| {
            let carried = Carried::of(event)?;
            Some(Entry { position: event.position, bytes: serde_json::to_vec(&carried).ok()?.into() })
        };
        // The position of one that can't be kept is a hole, and read from the store.
        let entries = recording.events.iter().filter_map(entry).collect();
        self.bus.keep(Arc::from(recording.public_id.0.as_str()), entries);
    }

    /// Events after a position: the recent ones that are kept, or else those of the store.
    pub(super) async fn events_of(
        &self,
        log: &PublicId,
        scope: &Scope,
        span: Span,
    ) -> Result<Found, FleetError> {
        if span.host.is_none() {
            let limit = PAGE.min(usize::try_from(span.limit).unwrap_or(PAGE));
            let events = self.recent_events(log, span.campaign, span.after, span.up_to, limit).await;
            if let Some(last) = events.last() {
                let read_to = last.position;
                return Ok(Found { events, read_to });
            }
        }
        let read = campaign_events::read(self.store.reader(), scope, span).await?;
        let events: Result<Vec<_>, StoreError> = read.events.into_iter().map(KnownEvent::read).collect();
        Ok(Found { events: events?, read_to: read.read_to })
    }

    /// Recent events that follow a position without a hole, of whatever team; none where none are kept.
    pub(super) async fn recent_events(
        &self,
        log: &PublicId,
        campaign: CampaignId,
        after: i64,
        up_to: i64,
        limit: usize,
    ) -> Vec<KnownEvent> {
        if !self.bus.keeps() {
            return Vec::new();
        }
        let kept = self.bus.kept(&log.0, after, up_to, limit).await;
        let read = |entry: Entry| {
            let carried: Carried = serde_json::from_slice(&entry.bytes).ok()?;
            KnownEvent::read(carried.into_row(campaign, entry.position)).ok()
        };
        // One that can't be read ends what is there.
        let events: Vec<_> = kept.into_iter().map_while(read).collect();
        let source = if events.is_empty() { "store" } else { "recent" };
        metrics::counter!("muster_campaign_reads_total", "source" => source).increment(1);
        events
    }
}
