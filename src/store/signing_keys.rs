//! Table `signing_keys`: which keys sign access tokens; their secrets are derived, never stored.

use entity::signing_keys::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryOrder};

use super::StoreError;
use crate::policy::Scope;

/// Stores a new key and answers it with its id.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, key: ActiveModel) -> Result<Model, StoreError> {
    Ok(key.insert(tx).await?)
}

/// Every key, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, _scope: &Scope) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Id).all(db).await?)
}
