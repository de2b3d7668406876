//! Presence: when each host was last seen, and by what, in memory; flushed in batches of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::id::HostId;

use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::store;
pub use crate::store::presence::Seen;

/// Enough that two check-ins rarely want the same lock.
const SHARDS: usize = 64;
/// Hosts in one statement at most.
const BATCH: usize = 1000;

/// What a host makes contact for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactKind {
    /// A distributed read or write.
    CheckIn,
    /// Its configuration.
    Config,
    /// Log lines.
    Log,
}

/// Last-seen times that the store may not have yet.
pub struct Presence {
    /// By host id; each lock is held for a look-up only, so a plain mutex is the cheapest.
    shards: Vec<Mutex<HashMap<HostId, Contact>>>,
}

/// What is known of one host.
#[derive(Clone, Copy, Debug, Default)]
struct Contact {
    /// Last contact, and the last of each kind.
    seen: Seen,
    /// The contact that the store has, and when it was written; none before the first write by this server.
    written: Option<(Timestamp, Timestamp)>,
    /// What the store is to be told of queries that are not answered.
    unanswered: Option<Unanswered>,
    /// Seconds between its check-ins, as it was configured last; and whether the store is to be told.
    interval: Option<(i32, bool)>,
}

/// Since when a host takes queries and answers none; none when it answers.
type Unanswered = Option<Timestamp>;

impl Contact {
    /// Whether the store lacks this contact and the last write was long enough ago, or lies in the future because
    /// the clock was set back.
    fn is_due(&self, now: Timestamp, every: Duration) -> bool {
        self.written.is_none_or(|(seen, at)| self.seen.last > seen && (now >= at.plus(every) || now < at))
    }
}

impl Default for Presence {
    fn default() -> Self {
        Self::new()
    }
}

impl Presence {
    /// Nobody was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Notes that the host made contact, of a kind or by enrolling. Never blocks on I/O.
    pub fn seen(&self, host: HostId, kind: Option<ContactKind>, now: Timestamp) {
        let mut shard = self.shard(host);
        let contact = shard.entry(host).or_default();
        contact.seen.last = contact.seen.last.max(now);
        if let Some(kind) = kind {
            let of_kind = match kind {
                ContactKind::CheckIn => &mut contact.seen.check_in,
                ContactKind::Config => &mut contact.seen.config,
                ContactKind::Log => &mut contact.seen.log,
            };
            *of_kind = (*of_kind).max(Some(now));
        }
    }

    /// When the host was last seen, if this server has seen it.
    #[must_use]
    pub fn last_seen(&self, host: HostId) -> Option<Seen> {
        self.shard(host).get(&host).map(|contact| contact.seen)
    }

    /// Notes since when a host takes queries and answers none, or that it answers.
    pub(super) fn note_unanswered(&self, host: HostId, since: Unanswered) {
        self.shard(host).entry(host).or_default().unanswered = Some(since);
    }

    /// Notes how many seconds are between the check-ins of a host by the configuration that it fetched.
    pub(super) fn note_interval(&self, host: HostId, seconds: i32) {
        let mut shard = self.shard(host);
        let interval = &mut shard.entry(host).or_default().interval;
        if interval.is_none_or(|(known, _)| known != seconds) {
            *interval = Some((seconds, true));
        }
    }

    /// What the store should be told of intervals, by host id.
    fn new_intervals(&self) -> Vec<(HostId, i32)> {
        let mut new = Vec::new();
        for shard in &self.shards {
            let contacts = lock(shard);
            let noted = contacts.iter().filter_map(|(host, contact)| Some((*host, contact.interval?)));
            new.extend(noted.filter(|(_, (_, is_new))| *is_new).map(|(host, (seconds, _))| (host, seconds)));
        }
        new.sort_unstable();
        new
    }

    /// Notes which intervals the store was told.
    fn wrote_intervals(&self, batch: &[(HostId, i32)]) {
        for (host, seconds) in batch {
            if let Some(contact) = self.shard(*host).get_mut(host)
                && contact.interval == Some((*seconds, true))
            {
                contact.interval = Some((*seconds, false));
            }
        }
    }

    /// Forgets a host that is gone.
    pub(super) fn forget(&self, host: HostId) {
        self.shard(host).remove(&host);
    }

    /// Takes what the store should be told of queries that are not answered, by host id.
    fn take_unanswered(&self) -> Vec<(HostId, Unanswered)> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut contacts = lock(shard);
            let noted = contacts.iter_mut();
            taken.extend(noted.filter_map(|(host, contact)| Some((*host, contact.unanswered.take()?))));
        }
        taken.sort_unstable();
        taken
    }

    /// What the store should be told, by host id.
    fn due(&self, now: Timestamp, every: Duration) -> Vec<(HostId, Seen)> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let contacts = lock(shard);
            let hosts = contacts.iter().filter(|(_, contact)| contact.is_due(now, every));
            due.extend(hosts.map(|(host, contact)| (*host, contact.seen)));
        }
        due.sort_unstable_by_key(|(host, _)| *host);
        due
    }

    /// Notes what the store was told.
    fn wrote(&self, batch: &[(HostId, Seen)], now: Timestamp) {
        for (host, seen) in batch {
            if let Some(contact) = self.shard(*host).get_mut(host) {
                contact.written = Some((seen.last, now));
            }
        }
    }

    fn shard(&self, host: HostId) -> MutexGuard<'_, HashMap<HostId, Contact>> {
        lock(&self.shards[host.bit() as usize % SHARDS])
    }
}

/// The map holds whole values at every moment, so a panic of another thread leaves nothing half done.
fn lock(shard: &Mutex<HashMap<HostId, Contact>>) -> MutexGuard<'_, HashMap<HostId, Contact>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// Writes what is due: a host at most every 30 s, in id order, never backwards.
    ///
    /// # Errors
    /// Unavailable; what was not written stays due.
    pub async fn flush_presence(&self) -> Result<(), FleetError> {
        let now = self.clock.now();
        for batch in self.presence.due(now, self.settings.presence_write_interval).chunks(BATCH) {
            let tx = self.store.begin().await?;
            store::presence::write(&tx, batch).await?;
            tx.commit().await?;
            self.presence.wrote(batch, now);
        }
        self.flush_intervals().await?;
        self.flush_unanswered().await
    }

    /// Writes how often hosts check in by what they were configured with: it seldom changes.
    async fn flush_intervals(&self) -> Result<(), FleetError> {
        for batch in self.presence.new_intervals().chunks(BATCH) {
            let tx = self.store.begin().await?;
            store::presence::write_intervals(&tx, batch).await?;
            tx.commit().await?;
            self.presence.wrote_intervals(batch);
        }
        Ok(())
    }

    /// Writes since when hosts take queries and answer none: it seldom changes.
    async fn flush_unanswered(&self) -> Result<(), FleetError> {
        for batch in self.presence.take_unanswered().chunks(BATCH) {
            if let Err(error) = self.write_unanswered(batch).await {
                for (host, since) in batch {
                    self.presence.note_unanswered(*host, *since);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn write_unanswered(&self, batch: &[(HostId, Unanswered)]) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        store::presence::write_unanswered(&tx, batch).await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(30);

    fn seen(at: Timestamp) -> Seen {
        Seen { last: at, check_in: Some(at), ..Seen::default() }
    }

    #[test]
    fn each_kind_of_contact_is_remembered() {
        let presence = Presence::new();
        presence.seen(HostId(1), Some(ContactKind::Config), at(1));
        presence.seen(HostId(1), Some(ContactKind::Log), at(2));
        presence.seen(HostId(1), None, at(3));
        let expected = Seen { last: at(3), check_in: None, config: Some(at(1)), log: Some(at(2)) };
        assert_eq!(presence.last_seen(HostId(1)), Some(expected));
        presence.note_unanswered(HostId(1), Some(at(1)));
        assert_eq!(presence.take_unanswered(), [(HostId(1), Some(at(1)))]);
        assert_eq!(presence.take_unanswered(), [], "once");
        presence.forget(HostId(1));
        assert_eq!(presence.last_seen(HostId(1)), None);
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn a_contact_is_due_once_and_then_not_before_the_interval() {
        let presence = Presence::new();
        presence.seen(HostId(7), Some(ContactKind::CheckIn), at(100));
        assert_eq!(presence.due(at(100), EVERY), [(HostId(7), seen(at(100)))]);
        presence.wrote(&[(HostId(7), seen(at(100)))], at(100));
        assert_eq!(presence.due(at(200), EVERY), [], "there is nothing new to write");
        presence.seen(HostId(7), Some(ContactKind::CheckIn), at(110));
        assert_eq!(presence.due(at(129), EVERY), []);
        assert_eq!(presence.due(at(130), EVERY), [(HostId(7), seen(at(110)))]);
    }

    #[test]
    fn what_was_not_written_stays_due() {
        let presence = Presence::new();
        presence.seen(HostId(1), Some(ContactKind::CheckIn), at(1));
        assert_eq!(presence.due(at(1), EVERY), presence.due(at(2), EVERY));
    }

    #[test]
    fn a_contact_never_goes_backwards() {
        let presence = Presence::new();
        presence.seen(HostId(1), Some(ContactKind::CheckIn), at(50));
        presence.seen(HostId(1), Some(ContactKind::CheckIn), at(40));
        assert_eq!(presence.last_seen(HostId(1)), Some(seen(at(50))));
        assert_eq!(presence.last_seen(HostId(2)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let presence = Presence::new();
        presence.seen(HostId(1), Some(ContactKind::CheckIn), at(5000));
        presence.wrote(&[(HostId(1), seen(at(4000)))], at(9000));
        assert_eq!(presence.due(at(5001), EVERY), [(HostId(1), seen(at(5000)))]);
    }

    #[test]
    fn hosts_come_in_id_order() {
        let presence = Presence::new();
        for id in [70, 3, 129, 1, 64] {
            presence.seen(HostId(id), Some(ContactKind::CheckIn), at(1));
        }
        let ids: Vec<i64> = presence.due(at(1), EVERY).iter().map(|(host, _)| host.0).collect();
        assert_eq!(ids, [1, 3, 64, 70, 129]);
    }
}
