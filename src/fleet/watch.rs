//! What changed, for those who look at all things of a kind: hosts, policies.
//!
//! What servers tell each other through `changes` marks things for every watcher here. A watcher reads the marked things
//! again, by what its actor may see at that moment: a mark says little more than which.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use entity::changes::Model as Change;
use futures_util::stream::{self, Stream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::{Fleet, FleetError};
use crate::policy::{Actor, Denied};

/// After telling, a watcher waits this long: changes that come meanwhile are told as one.
const PAUSE: Duration = Duration::from_millis(250);
/// Things read at once.
const PAGE: usize = 100;
/// Marks that wait for one watcher at most; beyond, it is told to read anew.
const MARKS: usize = 10_000;

/// What is known of a change of a thing, until it is read.
pub(crate) trait Mark: Clone + Send + 'static {
    /// What tells such things apart.
    type Of: Copy + Ord + Send;

    /// What a change tells of such things; nothing when it is of others.
    fn read(change: &Change) -> Option<News<Self>>;

    /// Adds what was told later of the same thing.
    fn add(&mut self, later: Self);
}

/// What a change tells.
pub(crate) enum News<M: Mark> {
    /// That one thing changed.
    Of(M::Of, M),
    /// That things are to be read anew.
    Resync,
}

/// Marked things; none where all are to be read anew.
type Taken<M> = Option<Marked<M>>;

/// Marked things.
pub(crate) type Marked<M> = BTreeMap<<M as Mark>::Of, M>;

/// What one who looks is told.
pub(crate) trait Look: Send + Sync + 'static {
    /// What marks the things that it looks at.
    type Mark: Mark;
    /// What the actor may see.
    type Sight: Send + Sync;
    /// What is told.
    type Told: Send;

    /// What the actor may see at this moment.
    ///
    /// # Errors
    /// When it may not look.
    fn sight(actor: &Actor) -> Result<Self::Sight, Denied>;

    /// What tells to read anew.
    fn resync() -> Self::Told;

    /// Reads the marked things as they are now.
    ///
    /// # Errors
    /// Unavailable.
    fn read(
        &self,
        fleet: &Fleet,
        sight: &Self::Sight,
        marked: Marked<Self::Mark>,
    ) -> impl Future<Output = Result<Vec<Self::Told>, FleetError>> + Send;
}

/// Who looks at things of a kind on this server.
pub(crate) struct Watchers<M: Mark>(Mutex<Vec<Weak<Watcher<M>>>>);

/// One who looks.
pub(super) struct Watcher<M: Mark> {
    marks: Mutex<Marks<M>>,
    bell: Notify,
}

struct Marks<M: Mark> {
    must_resync: bool,
    marked: Marked<M>,
}

impl<M: Mark> Default for Watchers<M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<M: Mark> Watchers<M> {
    /// Marks what a change tells of such things.
    pub(super) fn observe(&self, change: &Change) {
        match M::read(change) {
            Some(News::Of(thing, mark)) => self.each(|marks| marks.add(thing, mark.clone())),
            Some(News::Resync) => self.resync(),
            None => {}
        }
    }

    /// Makes everybody read anew.
    pub(super) fn resync(&self) {
        self.each(Marks::overflow);
    }

    fn each(&self, mark: impl Fn(&mut Marks<M>)) {
        let mut watchers = lock(&self.0);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        for watcher in watchers.iter().filter_map(Weak::upgrade) {
            mark(&mut lock(&watcher.marks));
            watcher.bell.notify_one();
        }
    }

    /// A new watcher, which reads first.
    pub(super) fn join(&self) -> Arc<Watcher<M>> {
        let marks = Mutex::new(Marks { must_resync: true, marked: BTreeMap::new() });
        let watcher = Arc::new(Watcher { marks, bell: Notify::new() });
        lock(&self.0).push(Arc::downgrade(&watcher));
        watcher
    }
}

impl<M: Mark> Watcher<M> {
    /// Waits for marks, and takes some. The bell keeps one ring that nobody waited for.
    async fn take(&self) -> Taken<M> {
        loop {
            let taken = self.take_some();
            if taken.as_ref().is_none_or(|marked| !marked.is_empty()) {
                return taken;
            }
            self.bell.notified().await;
        }
    }

    /// Takes some of what is marked now.
    pub(super) fn take_some(&self) -> Taken<M> {
        lock(&self.marks).take()
    }
}

impl<M: Mark> Marks<M> {
    fn add(&mut self, thing: M::Of, mark: M) {
        if self.must_resync {
            return;
        }
        if self.marked.len() >= MARKS {
            return self.overflow();
        }
        match self.marked.get_mut(&thing) {
            None => drop(self.marked.insert(thing, mark)),
            Some(known) => known.add(mark),
        }
    }

    fn overflow(&mut self) {
        self.must_resync = true;
        self.marked.clear();
    }

    fn take(&mut self) -> Taken<M> {
        if std::mem::take(&mut self.must_resync) {
            return None;
        }
        let next = std::iter::from_fn(|| self.marked.pop_first());
        Some(next.take(PAGE).collect())
    }
}

/// Marks are whole at every moment.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// What `look` is told of marked things. Changes within a quarter of a second are told as one. Once the actor's
    /// access was ended the stream is silent.
    ///
    /// # Errors
    /// Before the stream: denied. In it: unavailable.
    pub(super) fn follow<L: Look>(
        &self,
        actor: &Actor,
        watchers: &Watchers<L::Mark>,
        look: L,
    ) -> Result<impl Stream<Item = Result<L::Told, FleetError>> + Send + use<L>, FleetError> {
        L::sight(actor)?;
        let following = Following {
            fleet: self.clone(),
            actor: actor.clone(),
            look,
            watcher: watchers.join(),
            ready: VecDeque::new(),
            not_before: Instant::now(),
        };
        Ok(stream::try_unfold(following, Following::step))
    }
}

/// One who looks, and what is to be told.
struct Following<L: Look> {
    fleet: Fleet,
    actor: Actor,
    look: L,
    watcher: Arc<Watcher<L::Mark>>,
    ready: VecDeque<L::Told>,
    not_before: Instant,
}

impl<L: Look> Following<L> {
    async fn step(mut self) -> Result<Option<(L::Told, Self)>, FleetError> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Ok(Some((told, self)));
            }
            sleep_until(self.not_before).await;
            let taken = self.watcher.take().await;
            self.not_before = Instant::now() + PAUSE;
            let Some(actor) = self.fleet.refresh_actor(&self.actor).await? else {
                return std::future::pending().await;
            };
            self.actor = actor;
            let Ok(sight) = L::sight(&self.actor) else { return std::future::pending().await };
            match taken {
                None => self.ready.push_back(L::resync()),
                Some(marked) => self.ready.extend(self.look.read(&self.fleet, &sight, marked).await?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::kind::ChangeKind;

    use super::*;
    use crate::fleet::hosts::HostMark;
    use crate::fleet::policies::PolicyMark;

    fn marked_after<M: Mark>(kind: ChangeKind, things: usize) -> Option<usize> {
        let watchers = Watchers::<M>::default();
        let watcher = watchers.join();
        assert!(watcher.take_some().is_none(), "who joins reads first");
        for thing in 0..things {
            let key = thing.to_string();
            watchers.observe(&Change { seq: 1, kind, key, created_at: crate::clock::Timestamp(0) });
        }
        watcher.take_some().map(|marked| marked.len())
    }

    #[test]
    fn too_many_changes_are_told_as_one() {
        for things in [1, MARKS] {
            assert_eq!(marked_after::<HostMark>(ChangeKind::HostUpdated, things), Some(things.min(PAGE)));
            assert_eq!(marked_after::<PolicyMark>(ChangeKind::Policy, things), Some(things.min(PAGE)));
        }
        assert_eq!(marked_after::<HostMark>(ChangeKind::HostUpdated, MARKS + 1), None);
        assert_eq!(marked_after::<PolicyMark>(ChangeKind::Policy, MARKS + 1), None);
    }
}
