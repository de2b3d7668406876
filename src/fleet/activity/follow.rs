//! Following the audit trail: every entry from now on that a viewer may see, once.

use std::collections::BTreeMap;
use std::time::Duration;

use entity::id::ActivityId;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Activity, ActivityFilter};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Denied, Scope, allow};
use crate::store::activities;

/// Entries read at once.
const PAGE: u64 = 100;

/// How long a transaction may take from its entry's id to its commit: until then an entry with a smaller id than one
/// that was told may still come.
pub(super) const SETTLED: Duration = Duration::from_secs(30);

/// Tells who follows the audit trail to look.
pub struct Pulse(watch::Sender<u64>);

impl Default for Pulse {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Pulse {
    /// Makes everybody look.
    pub(in crate::fleet) fn beat(&self) {
        self.0.send_modify(|beats| *beats = beats.wrapping_add(1));
    }
}

impl Fleet {
    /// Follows the audit trail from now on: each visible entry that matches, once.
    ///
    /// # Errors
    /// Before the stream: denied, unavailable. In it: denied, once the actor's access was ended; unavailable.
    pub async fn follow_activities(
        &self,
        actor: &Actor,
        filter: ActivityFilter,
    ) -> Result<impl Stream<Item = Result<Activity, FleetError>> + Send + use<>, FleetError> {
        allow(actor, Action::ReadActivities, None)?;
        let beats = self.activity_pulse.0.subscribe();
        // What is written already is not told; but of what was begun lately, smaller ids may still come.
        let (db, system) = (self.store.reader(), Scope::system());
        let newest = activities::newest(db, &system).await?;
        let late = activities::ids_from(db, &system, self.clock.now().minus(SETTLED)).await?;
        let floor = late.iter().min().map_or(newest, |id| ActivityId(id.0 - 1));
        let now = Instant::now();
        let follower = Follower {
            fleet: self.clone(),
            actor: actor.clone(),
            filter,
            beats,
            floor,
            told: late.into_iter().map(|id| (id, now)).collect(),
            waiting: Vec::new().into_iter(),
        };
        Ok(stream::try_unfold(follower, Follower::step))
    }

    /// Makes those who follow the audit trail look for what other servers wrote. A task.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "the shape of a task")]
    pub async fn beat_activities(&self) -> Result<(), FleetError> {
        self.activity_pulse.beat();
        Ok(())
    }
}

/// One follower.
struct Follower {
    fleet: Fleet,
    actor: Actor,
    filter: ActivityFilter,
    beats: watch::Receiver<u64>,
    /// Everything up to here was told, or is not for this follower.
    floor: ActivityId,
    /// What was told after that, and when.
    told: BTreeMap<ActivityId, Instant>,
    waiting: std::vec::IntoIter<Activity>,
}

impl Follower {
    async fn step(mut self) -> Result<Option<(Activity, Self)>, FleetError> {
        loop {
            if let Some(entry) = self.waiting.next() {
                return Ok(Some((entry, self)));
            }
            self.beats.borrow_and_update();
            self.read().await?;
            if self.waiting.len() == 0 && self.beats.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Reads what is new and visible now: roles may have changed since the stream began.
    async fn read(&mut self) -> Result<(), FleetError> {
        let current = self.fleet.refresh_actor(&self.actor).await?;
        self.actor = current.ok_or(Denied::Unauthenticated)?;
        let scope = allow(&self.actor, Action::ReadActivities, None)?;
        self.settle();
        let told: Vec<_> = self.told.keys().copied().collect();
        let db = self.fleet.store.reader();
        let new = activities::after(db, &scope, &self.filter, self.floor, &told, PAGE).await?;
        let now = Instant::now();
        self.told.extend(new.iter().map(|entry| (entry.id, now)));
        self.waiting = new.into_iter();
        Ok(())
    }

    /// Moves the floor over what was told long enough ago.
    fn settle(&mut self) {
        let (Some(before), newest) = (Instant::now().checked_sub(SETTLED), self.floor) else { return };
        let old = self.told.iter().filter(|(_, told)| **told < before).map(|(id, _)| *id);
        self.floor = old.max().unwrap_or(newest);
        let floor = self.floor;
        self.told.retain(|id, _| *id > floor);
    }
}
