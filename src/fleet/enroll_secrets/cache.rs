//! Which team a secret lets hosts into, from memory: an enroll flood costs no SQL.

use entity::id::TeamId;
use tokio::sync::Mutex;

use crate::auth::keys::is_secret_form;
use crate::clock::Timestamp;
use crate::fleet::memory::{Generation, Memory};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::enroll_secrets;

/// Secrets in memory at most, and wrong ones as many.
const CAPACITY: usize = 10_000;

/// The secrets this server knows, by hash, so that an enroll flood costs no SQL; emptied by `changes`.
pub struct SecretCache {
    /// Team and end of a secret.
    known: Memory<[u8; 32], (TeamId, Option<Timestamp>)>,
    /// Until when a wrong secret is taken for wrong unasked.
    wrong: Memory<[u8; 32], Timestamp>,
    /// When all secrets were last read. The lock is held over the reading: one request reads, the others wait for it.
    all_read: Mutex<Option<Generation>>,
}

impl SecretCache {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self { known: Memory::new(CAPACITY), wrong: Memory::new(CAPACITY), all_read: Mutex::default() }
    }

    /// A secret was made or revoked.
    pub(crate) fn forget_all(&self) {
        self.known.forget_all();
        self.wrong.forget_all();
    }
}

impl Default for SecretCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Fleet {
    /// Which team a secret lets hosts into; none when it is wrong, expired or revoked. Compares hashes, answers
    /// from memory for secrets and for lately seen wrong ones.
    ///
    /// # Errors
    /// Unavailable: then nothing is said about the secret.
    pub(crate) async fn team_of_enroll_secret(&self, secret: &str) -> Result<Option<TeamId>, FleetError> {
        if !is_secret_form(secret) {
            return Ok(None);
        }
        let (hash, now, cache) = (self.keys.hash(secret), self.clock.now(), &self.enroll_secrets);
        let in_force =
            |(team, ends): (TeamId, Option<Timestamp>)| ends.is_none_or(|ends| now < ends).then_some(team);
        if let Some(known) = cache.known.get(&hash) {
            return Ok(in_force(known));
        }
        if cache.wrong.get(&hash).is_some_and(|until| now < until) {
            return Ok(None);
        }
        let (of_known, of_wrong) = (cache.known.generation(), cache.wrong.generation());
        let found = enroll_secrets::by_hash(self.store.reader(), &Scope::system(), &hash).await?;
        let Some(row) = found else {
            cache.wrong.keep(of_wrong, hash, now.plus(self.settings.unknown_credential_memory));
            return Ok(None);
        };
        let known = (row.team_id, row.expires_at);
        cache.known.keep(of_known, hash, known);
        Ok(in_force(known))
    }

    /// Whether the secret exists, as [`Self::team_of_enroll_secret`], at the cost of one statement for all questions
    /// until a secret is made or revoked: the first one reads every secret.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn is_known_enroll_secret(&self, secret: &str) -> Result<bool, FleetError> {
        if !is_secret_form(secret) {
            return Ok(false);
        }
        let (hash, cache) = (self.keys.hash(secret), &self.enroll_secrets);
        if cache.known.get(&hash).is_some() {
            return Ok(true);
        }
        let mut all_read = cache.all_read.lock().await;
        let generation = cache.known.generation();
        if *all_read != Some(generation) {
            let all = enroll_secrets::newest(self.store.reader(), &Scope::system(), CAPACITY as u64).await?;
            for row in all {
                if let Ok(hash) = row.secret_hash.as_slice().try_into() {
                    cache.known.keep(generation, hash, (row.team_id, row.expires_at));
                }
            }
            *all_read = Some(generation);
        }
        Ok(cache.known.get(&hash).is_some())
    }
}
