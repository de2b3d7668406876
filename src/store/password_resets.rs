//! Table `password_resets`.

use entity::id::UserId;
use entity::password_resets::{ActiveModel, Column, Entity, Model};
use entity::time::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::StoreError;
use crate::policy::Scope;

/// Stores a reset.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, reset: ActiveModel) -> Result<(), StoreError> {
    Entity::insert(reset).exec_without_returning(tx).await?;
    Ok(())
}

/// The reset whose token has this hash.
///
/// # Errors
/// When the database fails.
pub async fn by_hash<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    hash: &[u8],
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TokenHash.eq(hash)).one(db).await?)
}

/// Deletes every reset of a user, and answers how many there were: of two that use one at once, one finds none.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_user(tx: &DatabaseTransaction, user: UserId) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::UserId.eq(user)).exec(tx).await?.rows_affected)
}

/// Deletes resets that ended before a time.
///
/// # Errors
/// When the database fails.
pub async fn delete_before<C: ConnectionTrait>(db: &C, time: Timestamp) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(time)).exec(db).await?;
    Ok(())
}
