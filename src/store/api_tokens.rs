//! Table `api_tokens`. Its reads decide who somebody is, so their scope is the system's.

use entity::api_tokens::{ActiveModel, Column, Entity, Model};
use entity::id::ApiTokenId;
use entity::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::StoreError;
use crate::policy::Scope;

/// Stores a new token and answers it with its id.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, token: ActiveModel) -> Result<Model, StoreError> {
    Ok(token.insert(tx).await?)
}

/// A token by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    id: ApiTokenId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// The token with this hash.
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

/// Notes when a token was used; never moves backwards.
///
/// # Errors
/// When the database fails.
pub async fn mark_used(
    tx: &DatabaseTransaction,
    id: ApiTokenId,
    used_at: Timestamp,
) -> Result<(), StoreError> {
    let older = Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lt(used_at));
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(used_at.0))
        .filter(Column::Id.eq(id))
        .filter(older)
        .exec(tx)
        .await?;
    Ok(())
}
