//! A feed: the newest events of one campaign in a ring, for all its viewers on this server.
//!
//! Subscribe, then read: a feed is registered before it reads the store, so no notice is missed in between. It takes
//! a notice when it joins on to what it knows and carries its events; otherwise it reads the store, events first,
//! then totals. A viewer that falls behind the ring reads the store at its own pace; nobody waits for anybody.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use entity::id::{CampaignId, TeamId};
use entity::kind::CampaignStatus;
use tokio::sync::{Notify, OnceCell, watch};

use super::event::KnownEvent;
use super::notice::Notice;
use super::{Campaign, Totals};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::campaign_events::{self, Span};
use crate::store::campaign_teams::{self, TeamTotals};
use crate::store::{StoreError, campaigns};

/// Events read from the store at once.
const PAGE: u64 = 1_000;

/// Bytes read from the store at once.
const PAGE_BYTES: usize = 1 << 20;

/// The feeds of this server: of campaigns that somebody watches here.
#[derive(Default)]
pub(super) struct Feeds(Mutex<HashMap<CampaignId, Weak<Feed>>>);

/// The newest events of a campaign.
pub(super) struct Feed {
    campaign: CampaignId,
    state: Mutex<State>,
    loaded: OnceCell<()>,
    /// Moves when there is something new; viewers wait on it.
    head: watch::Sender<i64>,
    /// Rung when the store has to be read, and when the last viewer leaves.
    bell: Arc<Notify>,
    ring_bytes: usize,
}

#[derive(Default)]
struct State {
    /// Events with consecutive positions; the last one is at `known_to`.
    ring: VecDeque<KnownEvent>,
    bytes: usize,
    /// Everything up to this position is known; none before the store was read.
    known_to: Option<i64>,
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
            ring_bytes,
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
        self.bell.notify_one();
    }

    /// Up to which position everything is known.
    pub(super) fn known_to(&self) -> i64 {
        self.lock().known_to.unwrap_or_default()
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
        let Some(known_to) = state.known_to else { return self.ring() };
        if notice.to <= known_to {
            return;
        }
        let (joins, status) = (notice.from <= known_to + 1, notice.status);
        let teams: Vec<_> = notice.teams().collect();
        let events = notice.into_events().filter(|_| joins);
        let events: Option<Result<Vec<_>, _>> =
            events.map(|events| events.into_iter().map(KnownEvent::read).collect());
        let Some(Ok(events)) = events else { return self.ring() };
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

impl Fleet {
    /// The feed of a campaign, loaded; the first viewer here makes it.
    pub(super) async fn feed(&self, id: CampaignId) -> Result<Arc<Feed>, FleetError> {
        let (feed, is_new) = self.campaigns.feeds.find_or_insert(id, self.settings.ring_bytes);
        if is_new {
            self.campaigns.tracker.spawn(self.clone().keep_reading(Arc::downgrade(&feed), feed.bell.clone()));
        }
        feed.loaded.get_or_try_init(|| self.load(&feed)).await?;
        Ok(feed)
    }

    /// Reads where the campaign is now; the ring begins empty there.
    async fn load(&self, feed: &Feed) -> Result<(), FleetError> {
        let (campaign, teams) = self.progress_of(feed.campaign).await?;
        let mut state = feed.lock();
        state.known_to = Some(campaign.last_position);
        state.status = Some(campaign.status);
        state.teams(teams);
        feed.announce(state);
        Ok(())
    }

    /// Reads the store whenever the bell rings, until the last viewer has left.
    async fn keep_reading(self, feed: Weak<Feed>, bell: Arc<Notify>) {
        loop {
            tokio::select! {
                () = bell.notified() => {}
                () = self.campaigns.shutdown.cancelled() => return,
            }
            let Some(feed) = feed.upgrade() else { return };
            if feed.loaded.initialized()
                && let Err(error) = self.catch_feed_up(&feed).await
            {
                tracing::warn!(
                    campaign.id = feed.campaign.0,
                    error = &error as &dyn std::error::Error,
                    "a campaign could not be read; the next second tries again"
                );
            }
        }
    }

    /// Reads the store from where the feed is: events first, then totals.
    async fn catch_feed_up(&self, feed: &Feed) -> Result<(), FleetError> {
        loop {
            let (campaign, teams) = self.progress_of(feed.campaign).await?;
            let after = feed.known_to();
            if after < campaign.last_position {
                self.read_into(feed, after, campaign.last_position).await?;
            }
            let mut state = feed.lock();
            state.teams(teams);
            let done = state.known_to >= Some(campaign.last_position);
            if done {
                state.status = Some(campaign.status);
            }
            feed.announce(state);
            if done {
                return Ok(());
            }
        }
    }

    async fn read_into(&self, feed: &Feed, after: i64, up_to: i64) -> Result<(), FleetError> {
        let span =
            Span { campaign: feed.campaign, after, up_to, host: None, limit: PAGE, max_bytes: PAGE_BYTES };
        let read = campaign_events::read(self.store.reader(), &Scope::system(), span).await?;
        let events: Result<Vec<_>, StoreError> = read.events.into_iter().map(KnownEvent::read).collect();
        feed.lock().push(events?, feed.ring_bytes);
        Ok(())
    }

    async fn progress_of(&self, id: CampaignId) -> Result<(Campaign, Vec<TeamTotals>), FleetError> {
        let db = self.store.reader();
        let found = campaigns::by_ids(db, &Scope::system(), &[id]).await?;
        let campaign = found.into_iter().next().ok_or(FleetError::NotFound("campaign"))?;
        let mut teams = campaign_teams::load(db, &Scope::system(), &[id]).await?;
        Ok((campaign, teams.remove(&id).unwrap_or_default()))
    }
}
