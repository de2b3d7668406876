//! Presence: when each host was last seen, in memory; flushed in batches of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::id::HostId;

use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::store;

/// Enough that two check-ins rarely want the same lock.
const SHARDS: usize = 64;
/// Hosts in one statement at most.
const BATCH: usize = 1000;

/// Last-seen times that the store may not have yet.
pub struct Presence {
    /// By host id; each lock is held for a look-up only, so a plain mutex is the cheapest.
    shards: Vec<Mutex<HashMap<HostId, Contact>>>,
}

/// What is known of one host.
#[derive(Clone, Copy, Debug)]
struct Contact {
    /// Last contact.
    seen: Timestamp,
    /// The contact that the store has, and when it was written; none before the first write by this server.
    written: Option<(Timestamp, Timestamp)>,
}

impl Contact {
    /// Whether the store lacks this contact and the last write was long enough ago, or lies in the future because
    /// the clock was set back.
    fn is_due(&self, now: Timestamp, every: Duration) -> bool {
        self.written.is_none_or(|(seen, at)| self.seen > seen && (now >= at.plus(every) || now < at))
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

    /// Notes that the host made contact. Never blocks on I/O.
    pub fn seen(&self, host: HostId, now: Timestamp) {
        self.shard(host)
            .entry(host)
            .and_modify(|contact| contact.seen = contact.seen.max(now))
            .or_insert(Contact { seen: now, written: None });
    }

    /// When the host was last seen, if this server has seen it.
    #[must_use]
    pub fn last_seen(&self, host: HostId) -> Option<Timestamp> {
        self.shard(host).get(&host).map(|contact| contact.seen)
    }

    /// What the store should be told, by host id.
    fn due(&self, now: Timestamp, every: Duration) -> Vec<(HostId, Timestamp)> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let contacts = lock(shard);
            let hosts = contacts.iter().filter(|(_, contact)| contact.is_due(now, every));
            due.extend(hosts.map(|(host, contact)| (*host, contact.seen)));
        }
        due.sort_unstable();
        due
    }

    /// Notes what the store was told.
    fn wrote(&self, batch: &[(HostId, Timestamp)], now: Timestamp) {
        for (host, seen) in batch {
            if let Some(contact) = self.shard(*host).get_mut(host) {
                contact.written = Some((*seen, now));
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    #[test]
    fn a_contact_is_due_once_and_then_not_before_the_interval() {
        let presence = Presence::new();
        presence.seen(HostId(7), at(100));
        assert_eq!(presence.due(at(100), EVERY), [(HostId(7), at(100))]);
        presence.wrote(&[(HostId(7), at(100))], at(100));
        assert_eq!(presence.due(at(200), EVERY), [], "there is nothing new to write");
        presence.seen(HostId(7), at(110));
        assert_eq!(presence.due(at(129), EVERY), []);
        assert_eq!(presence.due(at(130), EVERY), [(HostId(7), at(110))]);
    }

    #[test]
    fn what_was_not_written_stays_due() {
        let presence = Presence::new();
        presence.seen(HostId(1), at(1));
        assert_eq!(presence.due(at(1), EVERY), presence.due(at(2), EVERY));
    }

    #[test]
    fn a_contact_never_goes_backwards() {
        let presence = Presence::new();
        presence.seen(HostId(1), at(50));
        presence.seen(HostId(1), at(40));
        assert_eq!(presence.last_seen(HostId(1)), Some(at(50)));
        assert_eq!(presence.last_seen(HostId(2)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let presence = Presence::new();
        presence.seen(HostId(1), at(5000));
        presence.wrote(&[(HostId(1), at(4000))], at(9000));
        assert_eq!(presence.due(at(5001), EVERY), [(HostId(1), at(5000))]);
    }

    #[test]
    fn hosts_come_in_id_order() {
        let presence = Presence::new();
        for id in [70, 3, 129, 1, 64] {
            presence.seen(HostId(id), at(1));
        }
        let ids: Vec<i64> = presence.due(at(1), EVERY).iter().map(|(host, _)| host.0).collect();
        assert_eq!(ids, [1, 3, 64, 70, 129]);
    }
}
