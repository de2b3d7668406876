//! Which campaigns changed, for those who look at all of them.
//!
//! Notices and the look at the store every second say where a campaign is; what is further than was known is marked
//! for every watcher. A watcher reads the marked campaigns again, by the scope of that moment: a mark carries nothing.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use entity::id::CampaignId;
use entity::kind::CampaignStatus;
use futures_util::stream::{self, Stream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Campaign;
use super::read::read_scope;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Actor, Scope};
use crate::store::campaigns;

/// After telling, a watcher waits this long: changes that come meanwhile are told as one.
const PAUSE: Duration = Duration::from_millis(250);

/// Campaigns read at once.
const PAGE: usize = 100;

/// Campaigns whose place is known at most, before those that ended are forgotten.
const KNOWN: usize = 20_000;

/// Where a campaign that has ended is: nothing follows.
const ENDED: i64 = i64::MAX;

/// Who looks at all campaigns on this server.
#[derive(Default)]
pub(super) struct Watchers(Mutex<State>);

#[derive(Default)]
struct State {
    watchers: Vec<Weak<Watcher>>,
    /// Where the campaigns were when watchers were last told.
    known: HashMap<CampaignId, i64>,
}

/// One who looks.
#[derive(Default)]
struct Watcher {
    /// What changed since it was last told.
    marked: Mutex<BTreeSet<CampaignId>>,
    bell: Notify,
}

impl Watchers {
    /// Marks a campaign, if this is further than was known.
    pub(super) fn observe(&self, id: CampaignId, position: i64, status: CampaignStatus) {
        let mut state = self.lock();
        if !state.has_watchers() {
            return;
        }
        let position = if status == CampaignStatus::Running { position } else { ENDED };
        if state.known.get(&id).is_some_and(|known| *known >= position) {
            return;
        }
        if state.known.len() >= KNOWN {
            state.known.retain(|_, position| *position != ENDED);
        }
        state.known.insert(id, position);
        for watcher in state.watchers.iter().filter_map(Weak::upgrade) {
            watcher.mark(id);
        }
    }

    /// Marks a campaign that has ended, unless that was told.
    pub(super) fn ended(&self, id: CampaignId) {
        self.observe(id, ENDED, CampaignStatus::Completed);
    }

    /// A new watcher, and whether nobody watched before.
    fn join(&self) -> (Arc<Watcher>, bool) {
        let watcher = Arc::new(Watcher::default());
        let mut state = self.lock();
        let is_first = !state.has_watchers();
        state.watchers.push(Arc::downgrade(&watcher));
        (watcher, is_first)
    }

    /// Notes where campaigns are, as nothing to be told.
    fn note(&self, positions: impl Iterator<Item = (CampaignId, i64)>) {
        let mut state = self.lock();
        for (id, position) in positions {
            state.known.entry(id).or_insert(position);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_watchers(&mut self) -> bool {
        self.watchers.retain(|watcher| watcher.strong_count() > 0);
        if self.watchers.is_empty() {
            self.known = HashMap::new();
        }
        !self.watchers.is_empty()
    }
}

impl Watcher {
    fn mark(&self, id: CampaignId) {
        self.lock().insert(id);
        self.bell.notify_one();
    }

    /// Waits for marks, and takes some. The bell keeps one ring that nobody waited for.
    async fn take(&self) -> Vec<CampaignId> {
        loop {
            let taken = self.take_some();
            if !taken.is_empty() {
                return taken;
            }
            self.bell.notified().await;
        }
    }

    fn take_some(&self) -> Vec<CampaignId> {
        let mut marked = self.lock();
        let taken: Vec<_> = marked.iter().copied().take(PAGE).collect();
        for id in &taken {
            marked.remove(id);
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<CampaignId>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet {
    /// Campaigns that the actor may see, each whenever it changes: started, answered, ended. Changes within a quarter
    /// of a second are told as one. Once the actor's access was ended the stream is silent.
    ///
    /// # Errors
    /// Before the stream: denied; unavailable. In it: unavailable.
    pub async fn follow_campaigns(
        &self,
        actor: &Actor,
    ) -> Result<impl Stream<Item = Result<Campaign, FleetError>> + Send + use<>, FleetError> {
        read_scope(actor)?;
        // Subscribe, then read: what is told before the first watcher has noted where campaigns are is further.
        let (watcher, is_first) = self.campaigns.watchers.join();
        if is_first {
            let running = campaigns::progress(self.store.reader(), &Scope::system(), &[]).await?;
            self.campaigns.watchers.note(running.iter().map(|now| (now.id, now.last_position)));
        }
        let (fleet, actor) = (self.clone(), actor.clone());
        let following =
            Following { fleet, actor, watcher, ready: VecDeque::new(), not_before: Instant::now() };
        Ok(stream::try_unfold(following, Following::step))
    }
}

/// One who looks, and what is to be told.
struct Following {
    fleet: Fleet,
    actor: Actor,
    watcher: Arc<Watcher>,
    ready: VecDeque<Campaign>,
    not_before: Instant,
}

impl Following {
    async fn step(mut self) -> Result<Option<(Campaign, Self)>, FleetError> {
        loop {
            if let Some(campaign) = self.ready.pop_front() {
                return Ok(Some((campaign, self)));
            }
            sleep_until(self.not_before).await;
            let ids = self.watcher.take().await;
            self.not_before = Instant::now() + PAUSE;
            let Some(actor) = self.fleet.refresh_actor(&self.actor).await? else {
                return std::future::pending().await;
            };
            self.actor = actor;
            if read_scope(&self.actor).is_err() {
                return std::future::pending().await;
            }
            let found = self.fleet.campaigns_by_ids(&self.actor, &ids).await?;
            self.ready.extend(ids.iter().filter_map(|id| found.get(id).cloned()));
        }
    }
}
