//! What one transaction writes to one campaign: pure, so that it can be computed again when some answers fall out.

use std::collections::BTreeMap;

use entity::id::TeamId;
use entity::kind::{CampaignStatus, EventKind};
use roaring::RoaringBitmap;
use serde_json::value::RawValue;

use super::event::{EndedBody, FailureBody, RowsBody};
use super::record::Given;
use super::{Campaign, Chunk, HostFailure, Outcome};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::campaign_answers::AnswerRow;
use crate::store::campaign_events::EventRow;
use crate::store::campaign_teams::Delta;

/// Limits of one campaign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// Rows kept at most.
    pub(super) rows: i64,
    /// Bytes of event bodies kept at most.
    pub(super) bytes: i64,
}

impl Caps {
    /// No limits: for what brings no rows.
    pub(super) const NONE: Self = Self { rows: i64::MAX, bytes: i64::MAX };
}

/// A campaign under its row lock, and what is about to be written.
pub(super) struct Book {
    /// The campaign, as it will be.
    pub(super) campaign: Campaign,
    /// New events, in order.
    pub(super) events: Vec<EventRow>,
    /// Hosts that answered.
    pub(super) hosts: RoaringBitmap,
    /// What is added to the counters of each team.
    pub(super) deltas: BTreeMap<TeamId, Delta>,
    caps: Caps,
    now: Timestamp,
}

impl Book {
    /// Opens the book of a campaign whose row lock is held.
    pub(super) fn open(campaign: Campaign, caps: Caps, now: Timestamp) -> Self {
        let (events, hosts, deltas) = Default::default();
        Self { campaign, events, hosts, deltas, caps, now }
    }

    /// Whether nothing was entered.
    pub(super) fn is_untouched(&self) -> bool {
        self.events.is_empty()
    }

    /// Enters the answer of a host that was in `team` at the start of the campaign.
    pub(super) fn enter(&mut self, given: &Given, team: TeamId) -> Result<AnswerRow, StoreError> {
        let first_position = self.campaign.last_position + 1;
        let (delta, failure) = match &given.answer.outcome {
            Outcome::Rows { columns, chunks, rows_dropped } => {
                let (kept, rows_dropped) = self.keep(chunks, *rows_dropped);
                self.enter_rows(given, team, columns, &kept, rows_dropped)?;
                let rows = kept.iter().map(|chunk| chunk.rows).sum();
                (Delta { succeeded: 1, failed: 0, rows, rows_dropped }, None)
            }
            Outcome::Failed(failure) => {
                self.enter_failure(given, team, failure)?;
                (Delta { failed: 1, ..Delta::default() }, Some(failure.clone()))
            }
        };
        self.count(given, team, delta);
        Ok(AnswerRow {
            campaign_id: self.campaign.id,
            host_id: given.host,
            team_id: team,
            host_public_id: given.host_public_id.clone(),
            hostname: given.hostname.clone(),
            error_code: failure.as_ref().map(|failure| failure.code),
            error_message: failure.map(|failure| failure.message),
            rows: delta.rows,
            rows_dropped: delta.rows_dropped,
            duration_ms: given.answer.duration_ms,
            responded_at: self.now,
            first_position,
            last_position: self.campaign.last_position,
        })
    }

    /// Completes the campaign if it runs and awaits nobody any more.
    pub(super) fn complete(&mut self) -> Result<(), StoreError> {
        if self.campaign.status == CampaignStatus::Running && self.campaign.outstanding == 0 {
            self.end(CampaignStatus::Completed)?;
        }
        Ok(())
    }

    /// Ends the campaign; its end is its last event.
    pub(super) fn end(&mut self, status: CampaignStatus) -> Result<(), StoreError> {
        self.campaign.status = status;
        self.campaign.ended_at = Some(self.now);
        self.push(EventKind::Ended, None, None, encode(&EndedBody { status })?);
        Ok(())
    }

    /// The chunks that the caps of the campaign leave room for, and how many rows are dropped in all.
    fn keep<'a>(&mut self, chunks: &'a [Chunk], mut dropped: i64) -> (Vec<&'a Chunk>, i64) {
        let mut kept = Vec::with_capacity(chunks.len());
        let mut bytes = self.campaign.bytes;
        for chunk in chunks {
            let size = i64::try_from(chunk.json.len()).unwrap_or(i64::MAX);
            if self.campaign.rows + chunk.rows <= self.caps.rows && bytes + size <= self.caps.bytes {
                self.campaign.rows += chunk.rows;
                bytes += size;
                kept.push(chunk);
            } else {
                dropped += chunk.rows;
            }
        }
        (kept, dropped)
    }

    fn enter_rows(
        &mut self,
        given: &Given,
        team: TeamId,
        columns: &[String],
        kept: &[&Chunk],
        rows_dropped: i64,
    ) -> Result<(), StoreError> {
        let last = kept.len().saturating_sub(1);
        let mut jsons: Vec<&[u8]> = kept.iter().map(|chunk| chunk.json.as_ref()).collect();
        if jsons.is_empty() {
            jsons.push(b"[]");
        }
        for (index, json) in jsons.into_iter().enumerate() {
            let is_last = index == last;
            let body = encode(&RowsBody {
                host: given.host_public_id.clone(),
                hostname: given.hostname.clone(),
                columns: columns.to_vec(),
                chunk: i64::try_from(index).unwrap_or(i64::MAX),
                last: is_last,
                rows_dropped: if is_last { rows_dropped } else { 0 },
                duration_ms: given.answer.duration_ms,
                rows: raw(json)?,
            })?;
            self.push(EventKind::Rows, Some(team), Some(given), body);
        }
        Ok(())
    }

    fn enter_failure(
        &mut self,
        given: &Given,
        team: TeamId,
        failure: &HostFailure,
    ) -> Result<(), StoreError> {
        let body = encode(&FailureBody {
            host: given.host_public_id.clone(),
            hostname: given.hostname.clone(),
            failure: failure.clone(),
        })?;
        self.push(EventKind::Failure, Some(team), Some(given), body);
        Ok(())
    }

    fn push(&mut self, kind: EventKind, team_id: Option<TeamId>, given: Option<&Given>, body: Vec<u8>) {
        self.campaign.last_position += 1;
        self.campaign.bytes += i64::try_from(body.len()).unwrap_or(i64::MAX);
        self.events.push(EventRow {
            campaign_id: self.campaign.id,
            position: self.campaign.last_position,
            kind,
            team_id,
            host_id: given.map(|given| given.host),
            occurred_at: self.now,
            body,
        });
    }

    fn count(&mut self, given: &Given, team: TeamId, delta: Delta) {
        *self.deltas.entry(team).or_default() += delta;
        self.campaign.outstanding -= 1;
        self.hosts.insert(given.host.bit());
    }
}

fn raw(json: &[u8]) -> Result<&RawValue, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::Corrupt(format!("chunk of rows: {error}")))
}

fn encode(body: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(body).map_err(|error| StoreError::Corrupt(format!("event body: {error}")))
}
