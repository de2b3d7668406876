//! Idempotency keys: the same key by the same caller within 24 h answers the first result again.

use entity::id::PublicId;
use sea_orm::DatabaseTransaction;

use super::{Fleet, FleetError};
use crate::policy::Actor;

/// A keyed request: operation, key, and the canonical input.
#[derive(Clone, Debug)]
pub(crate) struct Keyed<'a> {
    /// Name of the mutation.
    pub(crate) operation: &'static str,
    /// The key, at most 255 bytes; none when the caller gave none.
    pub(crate) key: Option<&'a str>,
    /// The input, serialised canonically.
    pub(crate) input: Vec<u8>,
}

impl Fleet {
    /// What the first request with this key made, if there was one; inside `tx`, before anything is written.
    ///
    /// # Errors
    /// Rejected with `IdempotencyKeyReused` when the input differs, `Invalid` for an empty or too long key.
    pub(crate) async fn recall(
        &self,
        _tx: &DatabaseTransaction,
        _actor: &Actor,
        _request: &Keyed<'_>,
    ) -> Result<Option<PublicId>, FleetError> {
        todo!()
    }

    /// Remembers what a keyed request made, in the same `tx`. Two at once: one waits or fails with a unique
    /// violation, which its caller answers by starting over.
    pub(crate) async fn remember(
        &self,
        _tx: &DatabaseTransaction,
        _actor: &Actor,
        _request: &Keyed<'_>,
        _result: &PublicId,
    ) -> Result<(), FleetError> {
        todo!()
    }
}
