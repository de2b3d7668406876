//! How far a host is with what is due, in memory: some bytes a host, kept with its entry in the roster and filled with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::id::HostId;

use super::{DueItem, DueKind, List};
use crate::clock::Timestamp;
use crate::store::hosts;

/// The first pause after a round that was handed out and not answered; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// New items reach all hosts within this, if their interval is not shorter.
const SPREAD: Duration = Duration::from_mins(1);

/// Queries that were handed out so often without an answer are said to be unanswered.
const IN_VAIN: u8 = 5;

/// The rounds of one host.
#[derive(Default)]
pub struct Rounds(Mutex<State>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    rounds: [Round; DueKind::ALL.len()],
    /// When somebody last wanted everything anew.
    refetch: Option<Timestamp>,
    /// Reads in a row that handed out campaigns.
    busy: u8,
    /// Since when reads hand out queries and no answer comes, and how many did.
    unanswered: Option<(Timestamp, u8)>,
}

/// One kind's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Round {
    /// When all of the kind was last answered.
    answered: Option<Timestamp>,
    /// Items that are older than this were answered, too.
    caught_up: Timestamp,
    /// When the newest item was made, of those that were there when this round was last handed out.
    offered: Timestamp,
    /// What was handed out last in this round; none before its first part.
    after: Option<Arc<str>>,
    /// Nothing is handed out before.
    not_before: Timestamp,
    /// How often this round was handed out to its end.
    tries: u8,
}

/// What the store says of a host's rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "what was answered, and since when nothing was")]
pub struct Answered {
    /// When each kind was last answered whole, in the order of the kinds.
    pub answered: [Option<Timestamp>; DueKind::ALL.len()],
    /// When somebody last wanted everything anew.
    pub refetch: Option<Timestamp>,
    /// Since when the host takes queries and answers none.
    pub unanswered_since: Option<Timestamp>,
}

/// Who is asked, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// The host.
    pub(super) host: HostId,
    /// The time.
    pub(super) now: Timestamp,
}

impl From<hosts::Answered> for Answered {
    fn from(row: hosts::Answered) -> Self {
        Self {
            answered: [row.vitals_at, row.labels_at, row.policies_at],
            refetch: row.refetch_at,
            unanswered_since: row.unanswered_since,
        }
    }
}

impl Rounds {
    /// The rounds of a host as the store knows them.
    #[must_use]
    pub fn new(stored: Answered) -> Self {
        let rounds = Self::default();
        rounds.correct(stored);
        rounds.lock().unanswered = stored.unanswered_since.map(|since| (since, IN_VAIN));
        rounds
    }

    /// Whether something of this kind is due now.
    pub(super) fn is_due(&self, asking: Asking, kind: DueKind, list: &List) -> bool {
        let state = self.lock();
        let round = &state.rounds[kind as usize];
        !list.is_off()
            && asking.now >= round.not_before
            && state.due_at(asking.host, kind, list) <= asking.now
    }

    /// Whether a round would begin, rather than go on: then the store is asked whether another server had it.
    pub(super) fn is_between_rounds(&self, kind: DueKind) -> bool {
        self.lock().rounds[kind as usize].after.is_none()
    }

    /// Whether somebody waits for it: it was never answered, or is wanted anew.
    pub(super) fn is_wanted(&self, kind: DueKind) -> bool {
        let state = self.lock();
        let answered = state.rounds[kind as usize].answered;
        answered.is_none_or(|at| state.refetch.is_some_and(|refetch| refetch > at))
    }

    /// Takes over what the store says.
    pub(super) fn correct(&self, stored: Answered) {
        let mut state = self.lock();
        state.refetch = stored.refetch;
        for (round, answered) in state.rounds.iter_mut().zip(stored.answered) {
            round.answered = answered;
            round.caught_up = round.caught_up.max(answered.unwrap_or_default());
        }
    }

    /// Hands out nothing of this kind for a while.
    pub(super) fn pause(&self, kind: DueKind, until: Timestamp) {
        self.lock().rounds[kind as usize].not_before = until;
    }

    /// The next part of a round, at most `room` items of those that `fits` lets through. What was handed out to the
    /// end and not answered is handed out again after a while, and each time after a longer one.
    pub(super) fn next_part<'a>(
        &self,
        asking: Asking,
        kind: DueKind,
        list: &'a List,
        fits: impl Fn(&DueItem) -> bool,
        room: usize,
    ) -> Vec<&'a DueItem> {
        let mut state = self.lock();
        let is_whole = state.is_whole_due(asking, kind, list);
        let round = &mut state.rounds[kind as usize];
        let caught_up = round.caught_up;
        round.offered = list.newest;
        let after = round.after.take();
        let wanted = |item: &&DueItem| {
            fits(item)
                && (is_whole || item.since >= caught_up)
                && after.as_ref().is_none_or(|after| item.key > *after)
        };
        let mut part: Vec<&DueItem> = list.items.iter().filter(wanted).take(room + 1).collect();
        if part.len() > room {
            part.truncate(room);
            round.after = part.last().map(|item| Arc::clone(&item.key));
            return part;
        }
        if part.is_empty() && after.is_none() {
            // Nothing of it is for this host.
            round.finish(asking.now, is_whole);
            return part;
        }
        round.not_before = asking.now.plus(pause(round.tries, list.every));
        round.tries = round.tries.saturating_add(1);
        part
    }

    /// Whether these keys end a round: the last item that fits is among them. None when nothing of the kind ends; else
    /// whether the whole kind was answered, rather than its new items alone.
    pub(super) fn ends_with(
        &self,
        kind: DueKind,
        list: &List,
        fits: impl Fn(&DueItem) -> bool,
        keys: &[&str],
    ) -> Option<bool> {
        let answered = self.lock().rounds[kind as usize].answered;
        let newer = |item: &&DueItem| answered.is_none_or(|at| item.since >= at);
        let told: Vec<&DueItem> = list.items.iter().filter(|item| keys.contains(&&*item.key)).collect();
        let furthest = told.last()?;
        let only_new = answered.is_some() && told.iter().all(newer);
        let later = |item: &&DueItem| item.key > furthest.key && fits(item) && (!only_new || newer(item));
        if list.items.iter().any(|item| later(&item)) { None } else { Some(!only_new) }
    }

    /// Notes that a round ended.
    pub(super) fn ended(&self, kind: DueKind, is_whole: bool, now: Timestamp) {
        self.lock().rounds[kind as usize].finish(now, is_whole);
    }

    /// Notes a read that handed out campaigns, and says how many did so in a row.
    pub(super) fn was_busy(&self) -> u8 {
        let mut state = self.lock();
        state.busy = state.busy.saturating_add(1);
        state.busy
    }

    /// Notes a read that handed out what is due, or nothing.
    pub(super) fn was_free(&self) {
        let mut state = self.lock();
        if state.busy > 0 {
            state.busy = 0;
        }
    }

    /// Notes that queries were handed out; answers since when that is in vain, at the moment when it has been so often
    /// enough.
    pub(super) fn handed_out(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.lock();
        let (since, times) = state.unanswered.unwrap_or((now, 0));
        state.unanswered = Some((since, times.saturating_add(1)));
        (times.saturating_add(1) == IN_VAIN).then_some(since)
    }

    /// Notes that answers came; answers whether queries had been handed out in vain.
    pub(in crate::fleet) fn answers_came(&self) -> bool {
        self.lock().unanswered.take().is_some_and(|(_, times)| times >= IN_VAIN)
    }

    /// Every field is whole at every moment, so a panic of another thread leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the kind is due next.
    fn due_at(&self, host: HostId, kind: DueKind, list: &List) -> Timestamp {
        let round = &self.rounds[kind as usize];
        let new = (list.newest >= round.caught_up)
            .then(|| list.newest.plus(jitter(host, list.newest, SPREAD.min(list.every))));
        let whole = self.whole_due_at(host, kind, list);
        new.map_or(whole, |new| new.min(whole))
    }

    fn is_whole_due(&self, asking: Asking, kind: DueKind, list: &List) -> bool {
        self.whole_due_at(asking.host, kind, list) <= asking.now
    }

    /// When all items of the kind are due: at once when they never were answered or are wanted anew, else an interval
    /// after the last time, up to an eighth of it earlier, so that hosts that came together spread.
    fn whole_due_at(&self, host: HostId, kind: DueKind, list: &List) -> Timestamp {
        match self.rounds[kind as usize].answered {
            None => Timestamp(0),
            Some(at) if self.refetch.is_some_and(|refetch| refetch > at) => Timestamp(0),
            Some(at) => at.plus(list.every.saturating_sub(jitter(host, at, list.every / 8))),
        }
    }
}

impl Round {
    fn finish(&mut self, now: Timestamp, is_whole: bool) {
        if is_whole {
            self.answered = Some(now);
        }
        self.caught_up = self.caught_up.max(Timestamp(self.offered.0 + 1));
        self.after = None;
        self.not_before = Timestamp(0);
        self.tries = 0;
    }
}

impl Clone for Rounds {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }
}

impl PartialEq for Rounds {
    fn eq(&self, other: &Self) -> bool {
        let own = self.lock().clone();
        own == *other.lock()
    }
}

impl Eq for Rounds {}

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lock().fmt(f)
    }
}

/// A part of `most` that follows from the host and a moment: evenly spread, the same each time.
fn jitter(host: HostId, moment: Timestamp, most: Duration) -> Duration {
    let mixed = (host.0 ^ moment.0.rotate_left(32)).unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let thousandths = u32::try_from((mixed >> 40) % 1_000).unwrap_or_default();
    most / 1_000 * thousandths
}

/// How long a round that was not answered waits before it is handed out again.
fn pause(tries: u8, every: Duration) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(every)
}

#[cfg(test)]
mod tests;
