//! What servers tell each other of a campaign after a commit: it only says "look now", and carries small events so
//! that most need not look.

use bytes::Bytes;
use entity::id::{CampaignId, HostId, TeamId};
use entity::kind::{CampaignStatus, EventKind};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::record::{Recorded, Recording};
use crate::clock::Timestamp;
use crate::fleet::Fleet;
use crate::store::campaign_events::EventRow;
use crate::store::campaign_teams::TeamTotals;

/// The bus channel of all campaigns.
pub(super) const CHANNEL: &str = "campaigns";

/// Events travel with the notice up to so many bytes in all.
const CARRIED: usize = 8 << 10;

/// Positions `from` to `to` of a campaign were committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    pub(super) campaign: CampaignId,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) status: CampaignStatus,
    /// Inside ids of the hosts that answered.
    pub(super) hosts: Vec<u32>,
    /// Team, targeted, succeeded, failed, rows, rows dropped; as of `to`.
    teams: Vec<(TeamId, i64, i64, i64, i64, i64)>,
    /// The events, if they are small.
    events: Option<Vec<Carried>>,
}

/// An event as it travels between servers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Carried {
    kind: EventKind,
    team: Option<TeamId>,
    host: Option<HostId>,
    at: Timestamp,
    body: Box<RawValue>,
}

impl Notice {
    /// What was recorded, with its events if they have so many bytes at most.
    fn of(recording: &Recording, carried: usize) -> Option<Self> {
        let from = recording.events.first()?.position;
        let to = recording.events.last()?.position;
        let bytes: usize = recording.events.iter().map(|event| event.body.len()).sum();
        let events =
            (bytes <= carried).then(|| recording.events.iter().map(Carried::of).collect::<Option<_>>());
        let teams = recording.teams.iter();
        Some(Self {
            campaign: recording.campaign,
            from,
            to,
            status: recording.status,
            hosts: recording.hosts.iter().collect(),
            teams: teams
                .map(|t| (t.team_id, t.targeted, t.succeeded, t.failed, t.rows, t.rows_dropped))
                .collect(),
            events: events.flatten(),
        })
    }

    /// The counters it carries.
    pub(super) fn teams(&self) -> impl Iterator<Item = TeamTotals> + '_ {
        self.teams.iter().map(|(team, targeted, succeeded, failed, rows, dropped)| TeamTotals {
            campaign_id: self.campaign,
            team_id: *team,
            targeted: *targeted,
            succeeded: *succeeded,
            failed: *failed,
            rows: *rows,
            rows_dropped: *dropped,
        })
    }

    /// Whether it carries its events.
    pub(super) fn has_events(&self) -> bool {
        self.events.is_some()
    }

    /// The events it carries, as they are stored; none when they were too large.
    pub(super) fn into_events(self) -> Option<Vec<EventRow>> {
        let numbered = (self.from..).zip(self.events?);
        Some(numbered.map(|(position, event)| event.into_row(self.campaign, position)).collect())
    }
}

impl Carried {
    /// The event as it is stored.
    pub(super) fn into_row(self, campaign: CampaignId, position: i64) -> EventRow {
        EventRow {
            campaign_id: campaign,
            position,
            kind: self.kind,
            team_id: self.team,
            host_id: self.host,
            occurred_at: self.at,
            body: String::from(Box::<str>::from(self.body)).into_bytes(),
        }
    }

    /// None for one whose body is no JSON: it stays in the store.
    pub(super) fn of(event: &EventRow) -> Option<Self> {
        let body = String::from_utf8(event.body.clone()).ok()?;
        Some(Self {
            kind: event.kind,
            team: event.team_id,
            host: event.host_id,
            at: event.occurred_at,
            body: RawValue::from_string(body).ok()?,
        })
    }
}

impl Fleet {
    /// After a commit: takes what answered off the board and tells every server.
    pub(crate) async fn tell(&self, recorded: Recorded) {
        let board = &self.campaigns.board;
        for (campaign, host) in &recorded.dropped {
            board.answered(*campaign, &RoaringBitmap::from([host.bit()]), None);
        }
        for recording in &recorded.recordings {
            // Viewers here need no message: they are given the events as they are.
            if let Some(feed) = self.campaigns.feeds.find(recording.campaign)
                && let Some(whole) = Notice::of(recording, usize::MAX)
            {
                feed.take_in(whole);
            }
            let Some(notice) = Notice::of(recording, CARRIED) else { continue };
            board.answered(recording.campaign, &recording.hosts, Some((notice.from, notice.to)));
            self.keep_recent(recording);
            if let Ok(message) = serde_json::to_vec(&notice) {
                self.bus.publish(CHANNEL.into(), Bytes::from(message));
            }
        }
        if !recorded.changes().is_empty() {
            self.announce().await;
        }
    }

    /// Takes in a notice: hosts come off the board, viewers here see the events.
    pub(super) fn take_in(&self, message: &[u8]) {
        let notice: Notice = match serde_json::from_slice(message) {
            Ok(notice) => notice,
            Err(error) => {
                tracing::warn!(%error, "a notice of another server can't be read; the store will be");
                return;
            }
        };
        let hosts = notice.hosts.iter().copied().collect();
        self.campaigns.board.answered(notice.campaign, &hosts, Some((notice.from, notice.to)));
        self.campaigns.watchers.observe(notice.campaign, notice.to, notice.status);
        if let Some(feed) = self.campaigns.feeds.find(notice.campaign) {
            feed.take_in(notice);
        }
    }
}
