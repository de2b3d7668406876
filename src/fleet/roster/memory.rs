//! What the roster remembers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use entity::id::HostId;

use super::KnownHost;

/// Enough that two check-ins rarely want the same lock.
const SHARDS: usize = 64;
/// Hosts share a note of their last change when their ids are equal modulo this; sharing costs a read, no more.
const NOTES: usize = 4096;
/// Keys in a shard at most, 2 million in all; beyond, any one makes room.
const KEYS_PER_SHARD: usize = 32_768;
/// Unknown keys remembered in a shard at most, 64 thousand in all; beyond, all of them make room.
const UNKNOWN_PER_SHARD: usize = 1024;

/// Keyed hash of a node key.
pub(super) type KeyHash = [u8; 32];

/// Node keys by hash, in shards.
pub struct Roster {
    /// By the first byte of the hash; each lock is held for a look-up only.
    shards: Vec<Mutex<Shard>>,
    /// Moved by every change.
    generation: AtomicU64,
    /// The generation of the last change of a host, by host id modulo [`NOTES`].
    changed: Vec<AtomicU64>,
}

/// Some of the keys.
#[derive(Default)]
struct Shard {
    known: HashMap<KeyHash, Arc<KnownHost>>,
    /// The keys above of each host.
    of_host: HashMap<HostId, Vec<KeyHash>>,
    /// Keys that the store did not know, until when that is believed.
    unknown: HashMap<KeyHash, Instant>,
}

/// The generation before a read of the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted(u64);

/// What the roster says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// It is this host's.
    Known(Arc<KnownHost>),
    /// The store did not know it a moment ago.
    Unknown,
    /// Nothing: the store must be asked.
    Nothing,
}

impl Default for Roster {
    fn default() -> Self {
        Self::new()
    }
}

impl Roster {
    /// Knows nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            generation: AtomicU64::new(0),
            changed: (0..NOTES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Forgets the keys of a host that changed.
    pub(crate) fn forget_host(&self, host: HostId) {
        let generation = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(host).fetch_max(generation, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            for key in shard.of_host.remove(&host).unwrap_or_default() {
                shard.known.remove(&key);
            }
        }
    }

    /// Forgets everything: this server missed changes.
    pub(crate) fn forget_all(&self) {
        let generation = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        for note in &self.changed {
            note.fetch_max(generation, Ordering::SeqCst);
        }
        for shard in &self.shards {
            *lock(shard) = Shard::default();
        }
    }

    /// How many keys are known.
    pub(crate) fn size(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).known.len() as u64).sum()
    }

    /// What is remembered of a key.
    pub(super) fn look_up(&self, key: &KeyHash, now: Instant) -> Remembered {
        let shard = self.shard(key);
        if let Some(host) = shard.known.get(key) {
            return Remembered::Known(Arc::clone(host));
        }
        match shard.unknown.get(key) {
            Some(until) if now < *until => Remembered::Unknown,
            _ => Remembered::Nothing,
        }
    }

    /// To be noted before the store is read.
    pub(super) fn before_reading(&self) -> Noted {
        Noted(self.generation.load(Ordering::SeqCst))
    }

    /// Keeps what was read since `noted`, unless the host changed meanwhile.
    pub(super) fn keep(&self, noted: Noted, key: KeyHash, host: &Arc<KnownHost>) {
        let mut shard = self.shard(&key);
        // Under the lock: a change notes itself first and takes the lock to forget afterwards.
        if self.note(host.id).load(Ordering::SeqCst) > noted.0 {
            return;
        }
        if shard.known.len() >= KEYS_PER_SHARD {
            shard.make_room();
        }
        if shard.known.insert(key, Arc::clone(host)).is_none() {
            shard.of_host.entry(host.id).or_default().push(key);
        }
    }

    /// Remembers that the store did not know a key.
    pub(super) fn keep_unknown(&self, key: KeyHash, until: Instant) {
        let mut shard = self.shard(&key);
        if shard.unknown.len() >= UNKNOWN_PER_SHARD {
            shard.unknown.clear();
        }
        shard.unknown.insert(key, until);
    }

    fn shard(&self, key: &KeyHash) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(key[0]) % SHARDS])
    }

    fn note(&self, host: HostId) -> &AtomicU64 {
        &self.changed[host.bit() as usize % NOTES]
    }
}

impl Shard {
    /// Drops any one key.
    fn make_room(&mut self) {
        let Some(key) = self.known.keys().next().copied() else { return };
        let Some(host) = self.known.remove(&key) else { return };
        if let Some(keys) = self.of_host.get_mut(&host.id) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.of_host.remove(&host.id);
            }
        }
    }
}

/// A shard that was left by a panic may lack a key, never tell a wrong one.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crate::fleet::due::Rounds;
    use entity::id::{NodeKeyId, PublicId, TeamId};
    use entity::kind::Platform;
    use std::time::Duration;

    use super::*;

    fn host(id: i64) -> Arc<KnownHost> {
        Arc::new(KnownHost {
            id: HostId(id),
            public_id: PublicId(format!("hst_{id}")),
            team: TeamId::NONE,
            team_public_id: None,
            hostname: format!("host-{id}"),
            platform: Platform::Linux,
            key: NodeKeyId(id),
            rounds: Rounds::default(),
        })
    }

    fn filled(roster: &Roster, key: u8, id: i64) -> KeyHash {
        let noted = roster.before_reading();
        roster.keep(noted, [key; 32], &host(id));
        [key; 32]
    }

    #[test]
    fn a_kept_key_is_known_until_its_host_changes() {
        let roster = Roster::new();
        let (one, other) = (filled(&roster, 1, 10), filled(&roster, 2, 11));
        assert_eq!(roster.look_up(&one, Instant::now()), Remembered::Known(host(10)));
        roster.forget_host(HostId(10));
        assert_eq!(roster.look_up(&one, Instant::now()), Remembered::Nothing);
        assert_eq!(roster.look_up(&other, Instant::now()), Remembered::Known(host(11)));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let roster = Roster::new();
        let noted = roster.before_reading();
        roster.forget_host(HostId(10));
        roster.keep(noted, [1; 32], &host(10));
        assert_eq!(roster.look_up(&[1; 32], Instant::now()), Remembered::Nothing);
        roster.keep(noted, [2; 32], &host(11));
        assert_eq!(
            roster.look_up(&[2; 32], Instant::now()),
            Remembered::Known(host(11)),
            "another host's change"
        );
        filled(&roster, 1, 10);
        assert_eq!(roster.look_up(&[1; 32], Instant::now()), Remembered::Known(host(10)));
    }

    #[test]
    fn forgetting_all_also_reaches_reads_under_way() {
        let roster = Roster::new();
        let kept = filled(&roster, 1, 10);
        let noted = roster.before_reading();
        roster.forget_all();
        roster.keep(noted, [2; 32], &host(11));
        assert_eq!(roster.look_up(&kept, Instant::now()), Remembered::Nothing);
        assert_eq!(roster.look_up(&[2; 32], Instant::now()), Remembered::Nothing);
    }

    #[test]
    fn an_unknown_key_is_remembered_for_a_while() {
        let roster = Roster::new();
        let now = Instant::now();
        roster.keep_unknown([9; 32], now + Duration::from_secs(30));
        assert_eq!(roster.look_up(&[9; 32], now), Remembered::Unknown);
        assert_eq!(roster.look_up(&[9; 32], now + Duration::from_secs(30)), Remembered::Nothing);
    }

    #[test]
    fn memory_is_bounded() {
        let roster = Roster::new();
        let key = |n: u32| {
            let mut key = [0; 32];
            key[4..8].copy_from_slice(&n.to_be_bytes());
            key
        };
        let now = Instant::now();
        for n in 0..40_000 {
            roster.keep(roster.before_reading(), key(n), &host(i64::from(n) + 1));
            roster.keep_unknown(key(n), now + Duration::from_secs(30));
        }
        let shard = roster.shard(&key(0));
        assert_eq!(shard.known.len(), KEYS_PER_SHARD);
        assert_eq!(shard.of_host.len(), KEYS_PER_SHARD);
        assert!(shard.unknown.len() <= UNKNOWN_PER_SHARD);
    }
}
