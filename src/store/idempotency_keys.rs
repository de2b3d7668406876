//! Table `idempotency_keys`.

use entity::idempotency_keys::{ActiveModel, Column, Entity, Model};
use entity::time::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter};

use super::StoreError;
use crate::policy::Scope;

/// What a caller's key stands for.
///
/// # Errors
/// When the database fails.
pub async fn find<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    actor: &str,
    key: &str,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((actor.to_owned(), key.to_owned())).one(db).await?)
}

/// Stores a key with what it stands for.
///
/// # Errors
/// A unique violation when the caller has used the key; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, row: Model) -> Result<(), StoreError> {
    let row: ActiveModel = row.into_active_model();
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Deletes a caller's key.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, actor: &str, key: &str) -> Result<(), StoreError> {
    Entity::delete_by_id((actor.to_owned(), key.to_owned())).exec(tx).await?;
    Ok(())
}

/// Deletes the keys that were stored before `time`, and answers how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_before<C: ConnectionTrait>(db: &C, time: Timestamp) -> Result<u64, StoreError> {
    let deleted = Entity::delete_many().filter(Column::CreatedAt.lt(time)).exec(db).await?;
    Ok(deleted.rows_affected)
}
