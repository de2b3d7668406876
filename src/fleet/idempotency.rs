//! Idempotency keys: the same key by the same caller within 24 h answers the first result again.

use std::time::Duration;

use entity::id::PublicId;
use entity::idempotency_keys::Model;
use ring::digest::{SHA256, digest};
use sea_orm::DatabaseTransaction;

use super::activity::identity;
use super::{Fleet, FleetError, RejectionCode};
use crate::policy::{Actor, Scope};
use crate::store::{idempotency_keys, idempotency_lock};

/// How long a key is kept.
const KEPT: Duration = Duration::from_hours(24);

/// Bytes of a key at most.
const MAX_KEY_BYTES: usize = 255;

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
    /// What the first request with this key made, if there was one; before anything is read in `tx`. Of two requests at once
    /// the later one waits here until the first one is stored or gave up.
    ///
    /// # Errors
    /// Rejected with `IdempotencyKeyReused` when the input differs, `Invalid` for an empty or too long key.
    pub(crate) async fn recall(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        request: &Keyed<'_>,
    ) -> Result<Option<PublicId>, FleetError> {
        let Some(key) = request.key else { return Ok(None) };
        if key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains(char::is_control) {
            let message = "an idempotency key has 1 to 255 bytes and no control characters";
            return Err(rejected(RejectionCode::Invalid, message));
        }
        let (actor, _) = identity(actor);
        idempotency_lock(tx, actor, key).await?;
        let Some(first) = idempotency_keys::find(tx, &Scope::system(), actor, key).await? else {
            return Ok(None);
        };
        if first.created_at < self.clock.now().minus(KEPT) {
            idempotency_keys::delete(tx, actor, key).await?;
            return Ok(None);
        }
        if first.operation != request.operation || first.input_hash != input_hash(request) {
            return Err(rejected(
                RejectionCode::IdempotencyKeyReused,
                "this idempotency key was used for another input",
            ));
        }
        Ok(Some(first.result))
    }

    /// Remembers what a keyed request made, in the same `tx`.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn remember(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        request: &Keyed<'_>,
        result: &PublicId,
    ) -> Result<(), FleetError> {
        let Some(key) = request.key else { return Ok(()) };
        let row = Model {
            actor: identity(actor).0.to_owned(),
            key: key.to_owned(),
            operation: request.operation.to_owned(),
            input_hash: input_hash(request),
            result: result.clone(),
            created_at: self.clock.now(),
        };
        Ok(idempotency_keys::insert(tx, row).await?)
    }

    /// Deletes the keys older than 24 h.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn prune_idempotency_keys(&self) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        idempotency_keys::delete_before(&tx, self.clock.now().minus(KEPT)).await?;
        Ok(tx.commit().await?)
    }
}

/// Runs `attempt`, a whole transaction, and once more when it lost a race for a unique value, such as a name: the second
/// run finds what the winner stored, and can say so.
///
/// # Errors
/// Those of the last attempt.
pub(crate) async fn start_over_once<T, F>(attempt: impl Fn() -> F) -> Result<T, FleetError>
where
    F: Future<Output = Result<T, FleetError>>,
{
    match attempt().await {
        Err(FleetError::Unavailable(error)) if error.is_unique_violation() => attempt().await,
        outcome => outcome,
    }
}

fn input_hash(request: &Keyed<'_>) -> Vec<u8> {
    digest(&SHA256, &request.input).as_ref().to_vec()
}

fn rejected(code: RejectionCode, message: &str) -> FleetError {
    FleetError::rejected(code, "idempotencyKey", message)
}
