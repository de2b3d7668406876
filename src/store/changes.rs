//! Table `changes`: what one server must tell the others, in commit order.

use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;

use super::StoreError;

/// Records changes as the last statement of a transaction and answers the newest `seq`.
///
/// On PostgreSQL an advisory lock, the last of the lock order, is taken just before, so that seq order is commit
/// order.
///
/// # Errors
/// When the database fails.
pub async fn record(_tx: &DatabaseTransaction, _changes: &[(ChangeKind, i64)]) -> Result<(), StoreError> {
    todo!("owner: campaigns")
}
