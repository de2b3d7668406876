//! A feed: the newest events of one campaign in a ring, for all its viewers on this server.
//!
//! Subscribe, then read: a feed is registered before it reads the store, so no notice is missed in between. It takes
//! a notice when it joins on to what it knows and carries its events; otherwise it reads the store, events first,
//! then totals. A viewer that falls behind the ring reads the store at its own pace; nobody waits for anybody.

mod cuts;
mod reader;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use entity::id::{CampaignId, PublicId, TeamId};
use entity::kind::CampaignStatus;
use tokio::sync::{Notify, OnceCell, watch};

pub(super) use self::cuts::{Cut, Cuts};
use super::event::KnownEvent;
use super::notice::Notice;
use super::{BatchOptions, Totals};
use crate::policy::Scope;
use crate::store::campaign_teams::TeamTotals;

/// The feeds of this server: of campaigns that somebody watches here.
#[derive(Default)]
pub(super) struct Feeds(Mutex<HashMap<CampaignId, Weak<Feed>>>);

/// The newest events of a campaign.
pub(super) struct Feed {
    campaign: CampaignId,
    state: Mutex<State>,
    /// The outside id of the campaign, once the store was read.
    loaded: OnceCell<PublicId>,
    /// Moves when there is something new; viewers wait on it.
    head: watch::Sender<i64>,
    /// Rung when something has to be read, and when the last viewer leaves.
    bell: Arc<Notify>,
    /// Whether it is the store that has to be read, whatever notices told.
    look: AtomicBool,
    ring_bytes: usize,
    /// The batches of viewers who see the same.
    cuts: Mutex<HashMap<(Scope, BatchOptions), Weak<Cuts>>>,
}

#[derive(Default)]
struct State {
    /// Events with consecutive positions; the last one is at `known_to`.
    ring: VecDeque<KnownEvent>,
    bytes: usize,
    /// Everything up to this position is known; none before the store was read.
    known_to: Option<i64>,
    /// Whether a notice came before that.
    missed: bool,
    /// The newest notice that told of more than it brought.
    told: Option<Notice>,
    teams: BTreeMap<TeamId, TeamTotals>,
    status: Option<CampaignStatus>,
}

/// What a feed has for a viewer at some position.
pub(super) enum Look {
    /// Nothing new.
    UpToDate,
    /// Events that follow the position, from the ring.
    Ring(Vec<KnownEvent>),
    /// The ring begins later: read the store, up to this position.
    Behind(i64),
}

impl Feeds {
    /// The feed of a campaign, if somebody watches it.
    pub(super) fn find(&self, id: CampaignId) -> Option<Arc<Feed>> {
        self.lock().get(&id).and_then(Weak::upgrade)
    }

    /// The campaigns that somebody watches.
    pub(super) fn watched(&self) -> Vec<CampaignId> {
        let mut feeds = self.lock();
        feeds.retain(|_, feed| feed.strong_count() > 0);
        feeds.keys().copied().collect()
    }

    /// How many streams follow a campaign here.
    pub(super) fn viewers(&self) -> u64 {
        let feeds = self.lock();
        feeds.values().filter_map(Weak::upgrade).map(|feed| feed.head.receiver_count() as u64).sum()
    }

    /// Has every feed read the store.
    pub(super) fn ring_all(&self) {
        for feed in self.lock().values().filter_map(Weak::upgrade) {
            feed.ring();
        }
    }

    fn find_or_insert(&self, id: CampaignId, ring_bytes: usize) -> (Arc<Feed>, bool) {
        let mut feeds = self.lock();
        if let Some(feed) = feeds.get(&id).and_then(Weak::upgrade) {
            return (feed, false);
        }
        let feed = Arc::new(Feed::new(id, ring_bytes));
        feeds.insert(id, Arc::downgrade(&feed));
        (feed, true)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CampaignId, Weak<Feed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    fn new(campaign: CampaignId, ring_bytes: usize) -> Self {
        Self {
            campaign,
            state: Mutex::default(),
            loaded: OnceCell::new(),
            head: watch::Sender::new(0),
            bell: Arc::default(),
            look: AtomicBool::new(false),
            ring_bytes,
            cuts: Mutex::default(),
        }
    }

    /// Whose feed it is.
    pub(super) fn campaign(&self) -> CampaignId {
        self.campaign
    }

    /// Wakes whoever waits when there is something new.
    pub(super) fn watch(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Has the store read.
    pub(super) fn ring(&self) {
        self.look.store(true, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// The batches of viewers of this scope and batching; whoever holds them takes part.
    pub(super) fn cuts(&self, scope: &Scope, options: BatchOptions) -> Arc<Cuts> {
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (scope.clone(), options);
        if let Some(known) = cuts.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        cuts.retain(|_, cuts| cuts.strong_count() > 0);
        let new = Arc::default();
        cuts.insert(key, Arc::downgrade(&new));
        new
    }

    /// Up to which position everything is known.
    pub(super) fn known_to(&self) -> i64 {
        self.lock().known_to.unwrap_or_default()
    }

    /// Whether the store was read.
    fn is_loaded(&self) -> bool {
        self.lock().known_to.is_some()
    }

    /// The state, and the counters of the teams in scope; never behind the events that were looked at before.
    pub(super) fn summary(&self, scope: &Scope) -> (CampaignStatus, Totals) {
        let state = self.lock();
        let visible = state.teams.values().filter(|team| scope.includes(team.team_id));
        (state.status.unwrap_or(CampaignStatus::Running), visible.collect())
    }

    /// What there is after a position: at most `limit` events.
    pub(super) fn look(&self, after: i64, limit: usize) -> Look {
        let state = self.lock();
        let known_to = state.known_to.unwrap_or_default();
        if after >= known_to {
            return Look::UpToDate;
        }
        let first = state.ring.front().map_or(known_to + 1, |event| event.position);
        if after + 1 < first {
            return Look::Behind(known_to);
        }
        let skip = usize::try_from(after + 1 - first).unwrap_or_default();
        Look::Ring(state.ring.iter().skip(skip).take(limit).cloned().collect())
    }

    /// Takes a notice in, or has the store read when it does not join on or carries no events.
    pub(super) fn take_in(&self, notice: Notice) {
        let mut state = self.lock();
        let Some(known_to) = state.known_to else {
            state.missed = true;
            return;
        };
        if notice.to <= known_to {
            return;
        }
        let (joins, status) = (notice.from <= known_to + 1, notice.status);
        if !joins || !notice.has_events() {
            state.told = Some(notice);
            return self.bell.notify_one();
        }
        let teams: Vec<_> = notice.teams().collect();
        let events = notice.into_events().unwrap_or_default();
        let events: Result<Vec<_>, _> = events.into_iter().map(KnownEvent::read).collect();
        let Ok(events) = events else { return self.ring() };
        state.push(events, self.ring_bytes);
        state.teams(teams);
        state.status = Some(status);
        self.announce(state);
    }

    fn announce(&self, state: MutexGuard<'_, State>) {
        let known_to = state.known_to.unwrap_or_default();
        drop(state);
        self.head.send_replace(known_to);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.bell.notify_one();
    }
}

impl State {
    /// Adds what follows on to the known; what is known already is passed over.
    fn push(&mut self, events: Vec<KnownEvent>, ring_bytes: usize) {
        for event in events {
            let known_to = self.known_to.unwrap_or_default();
            if event.position != known_to + 1 {
                continue;
            }
            self.known_to = Some(event.position);
            self.bytes += event.size;
            self.ring.push_back(event);
        }
        while self.bytes > ring_bytes {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.bytes -= oldest.size;
        }
    }

    /// Takes in counters; they only grow, so of two the larger are the newer.
    fn teams(&mut self, teams: Vec<TeamTotals>) {
        for team in teams {
            let known = self.teams.entry(team.team_id).or_insert_with(|| team.clone());
            if team.succeeded + team.failed > known.succeeded + known.failed {
                *known = team;
            }
        }
    }
}
