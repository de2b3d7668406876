//! The roster: which host a node key stands for, in memory.
//!
//! A miss reads the store once; unknown keys are remembered briefly. A fill notes the roster's generation before it
//! reads; a change of a host notes the newer generation at that host, and what was read under an older one is used
//! once and not kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entity::id::{HostId, NodeKeyId, PublicId, TeamId};
use entity::kind::ChangeKind;

use super::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::changes;
use crate::store::node_keys::{self, HostOfKey};

/// Enough that two check-ins rarely want the same lock.
const SHARDS: usize = 64;
/// Hosts share a note of their last change when their ids are equal modulo this; sharing costs a read, no more.
const NOTES: usize = 4096;
/// Keys in a shard at most, 2 million in all; beyond, any one makes room.
const KEYS_PER_SHARD: usize = 32_768;
/// Unknown keys remembered in a shard at most, 64 thousand in all; beyond, all of them make room.
const UNKNOWN_PER_SHARD: usize = 1024;
/// A key that was never used lapses after this.
const LIFE_OF_UNUSED_KEY: Duration = Duration::from_hours(24);
/// Characters of a node key: 256 bits in base64url.
const KEY_LENGTH: usize = 43;

/// A host that has proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// Inside id.
    pub id: HostId,
    /// Outside id.
    pub public_id: PublicId,
    /// Its team; [`TeamId::NONE`] for none.
    pub team: TeamId,
    /// Outside id of its team.
    pub team_public_id: Option<PublicId>,
    /// Host name.
    pub hostname: String,
    /// The key it used.
    pub key: NodeKeyId,
}

/// Keyed hash of a node key.
type KeyHash = [u8; 32];

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
    known: HashMap<KeyHash, KnownHost>,
    /// The keys above of each host.
    of_host: HashMap<HostId, Vec<KeyHash>>,
    /// Keys that the store did not know, until when that is believed.
    unknown: HashMap<KeyHash, Instant>,
}

/// The generation before a read of the store.
#[derive(Clone, Copy, Debug)]
struct Noted(u64);

/// What the roster says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Remembered {
    /// It is this host's.
    Known(KnownHost),
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

    fn look_up(&self, key: &KeyHash, now: Instant) -> Remembered {
        let shard = self.shard(key);
        if let Some(host) = shard.known.get(key) {
            return Remembered::Known(host.clone());
        }
        match shard.unknown.get(key) {
            Some(until) if now < *until => Remembered::Unknown,
            _ => Remembered::Nothing,
        }
    }

    fn before_reading(&self) -> Noted {
        Noted(self.generation.load(Ordering::SeqCst))
    }

    /// Keeps what was read since `noted`, unless the host changed meanwhile.
    fn keep(&self, noted: Noted, key: KeyHash, host: &KnownHost) {
        let mut shard = self.shard(&key);
        // Under the lock: a change notes itself first and takes the lock to forget afterwards.
        if self.note(host.id).load(Ordering::SeqCst) > noted.0 {
            return;
        }
        if shard.known.len() >= KEYS_PER_SHARD {
            shard.make_room();
        }
        if shard.known.insert(key, host.clone()).is_none() {
            shard.of_host.entry(host.id).or_default().push(key);
        }
    }

    fn keep_unknown(&self, key: KeyHash, until: Instant) {
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

/// Whether we could have issued this key.
fn is_ours_by_form(key: &str) -> bool {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    key.len() == KEY_LENGTH && key.bytes().all(base64url)
}

impl Fleet {
    /// The host of a node key; none when the store does not know the key, or it cannot be ours by its form.
    /// With a warm roster: memory only. The first use of a key is stored before it is answered.
    ///
    /// # Errors
    /// Unavailable: the store could not be asked; nothing is said about the key.
    pub async fn known_host(&self, node_key: &str) -> Result<Option<KnownHost>, FleetError> {
        if !is_ours_by_form(node_key) {
            return Ok(None);
        }
        let key = self.keys.hash(node_key);
        match self.roster.look_up(&key, Instant::now()) {
            Remembered::Known(host) => Ok(Some(host)),
            Remembered::Unknown => Ok(None),
            Remembered::Nothing => self.read_host(key).await,
        }
    }

    /// Asks the store, and keeps what it says.
    async fn read_host(&self, key: KeyHash) -> Result<Option<KnownHost>, FleetError> {
        let (mut noted, mut found) = self.read_key(&key).await?;
        if let Some(unused) = found.as_ref().filter(|found| found.is_unused()) {
            self.first_use(unused).await?;
            // Read again whoever was first: this request, another one, or the use of a newer key.
            (noted, found) = self.read_key(&key).await?;
        }
        let Some(host) = found.filter(HostOfKey::is_in_use).map(KnownHost::from) else {
            self.roster.keep_unknown(key, Instant::now() + self.settings.unknown_credential_memory);
            return Ok(None);
        };
        self.roster.keep(noted, key, &host);
        Ok(Some(host))
    }

    async fn read_key(&self, key: &KeyHash) -> Result<(Noted, Option<HostOfKey>), FleetError> {
        let noted = self.roster.before_reading();
        Ok((noted, node_keys::by_hash(self.store.reader(), &Scope::system(), key).await?))
    }

    /// Stores that a key is used, which ends the keys issued before it, unless it has lapsed.
    async fn first_use(&self, unused: &HostOfKey) -> Result<(), FleetError> {
        let now = self.store.now().await?;
        if unused.issued_at.plus(LIFE_OF_UNUSED_KEY) <= now {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        if node_keys::mark_used(&tx, unused.host_id, unused.key_id, now).await? {
            changes::record(&tx, &[(ChangeKind::Host, unused.host_id.0)]).await?;
            tx.commit().await?;
            self.announce().await;
        } else {
            tx.rollback().await?;
        }
        Ok(())
    }
}

impl From<HostOfKey> for KnownHost {
    fn from(found: HostOfKey) -> Self {
        Self {
            id: found.host_id,
            public_id: found.host_public_id,
            team: found.team_id,
            team_public_id: found.team_public_id,
            hostname: found.hostname,
            key: found.key_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: i64) -> KnownHost {
        KnownHost {
            id: HostId(id),
            public_id: PublicId(format!("hst_{id}")),
            team: TeamId::NONE,
            team_public_id: None,
            hostname: format!("host-{id}"),
            key: NodeKeyId(id),
        }
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

    #[test]
    fn keys_that_cannot_be_ours_are_told_by_their_form() {
        assert!(is_ours_by_form(&crate::auth::keys::new_secret()));
        let too_long = "a".repeat(65_536);
        for key in ["", "abc", &too_long, &"ä".repeat(21), &format!("{}\0", "a".repeat(42))] {
            assert!(!is_ours_by_form(key));
        }
    }
}
