//! Live sessions and API tokens in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::id::{ApiTokenId, PublicId, SessionId, UserId};

use super::super::memory::{Generation, Memory};
use crate::clock::Timestamp;
use crate::policy::{Credential, UserActor};

/// Credentials in memory at most.
const CAPACITY: usize = 20_000;

/// Milliseconds in a minute: an API token's last use is noted once in each.
const MINUTE_MS: i64 = 60_000;

/// Live sessions and API tokens with their users' roles, in memory; a fill notes the generation before it reads,
/// applying a change moves it, and what was read under an older one is used once and not kept.
pub struct SessionCache {
    /// What a credential is called inside. That never changes, so nothing is ever forgotten here.
    names: Memory<Presented, CredentialId>,
    live: Memory<CredentialId, Arc<Live>>,
    /// Uses of API tokens that are not written yet.
    uses: Mutex<HashMap<ApiTokenId, Timestamp>>,
}

/// A credential as it comes with a request, once its form and signature are right.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Presented {
    /// A session's outside id, from an access token.
    Session(PublicId),
    /// Hash of what a session cookie holds.
    Cookie([u8; 32]),
    /// Hash of an API token.
    ApiToken([u8; 32]),
}

/// A credential by inside id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CredentialId {
    /// A session.
    Session(SessionId),
    /// An API token.
    ApiToken(ApiTokenId),
}

/// A credential that was live when it was read.
#[derive(Debug)]
pub(super) struct Live {
    /// Whom it stands for.
    pub(super) actor: UserActor,
    /// When it ends by itself.
    pub(super) ends_at: Timestamp,
    /// The minute of the last use that was noted.
    noted_use: AtomicI64,
}

impl Live {
    /// A live credential of this actor.
    pub(super) fn new(actor: UserActor, ends_at: Timestamp) -> Self {
        Self { actor, ends_at, noted_use: AtomicI64::new(0) }
    }

    fn id(&self) -> CredentialId {
        CredentialId::of(&self.actor.credential)
    }
}

impl CredentialId {
    /// The inside id of a credential.
    pub(super) fn of(credential: &Credential) -> Self {
        match credential {
            Credential::Session(id) => Self::Session(*id),
            Credential::ApiToken(token) => Self::ApiToken(token.id),
        }
    }
}

impl SessionCache {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self { names: Memory::new(CAPACITY), live: Memory::new(CAPACITY), uses: Mutex::new(HashMap::new()) }
    }

    /// A session ended or changed.
    pub(crate) fn forget_session(&self, id: SessionId) {
        self.live.forget(&CredentialId::Session(id));
    }

    /// An API token was revoked or changed.
    pub(crate) fn forget_token(&self, id: ApiTokenId) {
        self.live.forget(&CredentialId::ApiToken(id));
    }

    /// A user's roles, password or state changed.
    pub(crate) fn forget_user(&self, id: UserId) {
        self.live.forget_where(|live| live.actor.id == id);
    }

    /// Anything may have changed.
    pub(crate) fn forget_all(&self) {
        self.live.forget_all();
    }

    /// The inside id of a credential that was seen before.
    pub(super) fn name(&self, presented: &Presented) -> Option<CredentialId> {
        self.names.get(presented)
    }

    /// Remembers what a credential is called inside.
    pub(super) fn keep_name(&self, presented: Presented, id: CredentialId) {
        self.names.keep(self.names.generation(), presented, id);
    }

    /// The credential, if it is remembered and has not ended by itself.
    pub(super) fn get(&self, id: CredentialId, now: Timestamp) -> Option<Arc<Live>> {
        // One that seems to have ended is read again: a refresh may have moved its end.
        self.live.get(&id).filter(|live| live.ends_at > now)
    }

    /// To be noted before a credential is read.
    pub(super) fn generation(&self) -> Generation {
        self.live.generation()
    }

    /// Remembers what was read, unless something changed meanwhile.
    pub(super) fn keep(&self, generation: Generation, live: &Arc<Live>) {
        self.live.keep(generation, live.id(), Arc::clone(live));
    }

    /// Notes the use of an API token, to the minute.
    pub(super) fn note_use(&self, live: &Live, now: Timestamp) {
        let CredentialId::ApiToken(id) = live.id() else { return };
        let minute = now.0 - now.0.rem_euclid(MINUTE_MS);
        if live.noted_use.swap(minute, Ordering::Relaxed) != minute {
            self.uses().insert(id, Timestamp(minute));
        }
    }

    /// The use of a token that is not written yet.
    pub(in crate::fleet) fn unwritten_use(&self, id: ApiTokenId) -> Option<Timestamp> {
        self.uses().get(&id).copied()
    }

    /// Takes the uses to write.
    pub(super) fn take_uses(&self) -> HashMap<ApiTokenId, Timestamp> {
        std::mem::take(&mut *self.uses())
    }

    /// Puts uses back that could not be written; newer ones stay.
    pub(super) fn put_back_uses(&self, uses: HashMap<ApiTokenId, Timestamp>) {
        let mut kept = self.uses();
        for (id, time) in uses {
            kept.entry(id).or_insert(time);
        }
    }

    /// No code panics under this lock, so a poisoned one holds nothing half done.
    fn uses(&self) -> MutexGuard<'_, HashMap<ApiTokenId, Timestamp>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SessionCache {
    fn default() -> Self {
        Self::new()
    }
}
