//! Table `sessions`. Its reads decide who somebody is, so their scope is the system's.

use entity::id::{PublicId, SessionId};
use entity::sessions::{ActiveModel, Column, Entity, Model};
use entity::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::StoreError;
use crate::policy::Scope;

/// Stores a new session and answers it with its id.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, session: ActiveModel) -> Result<Model, StoreError> {
    Ok(session.insert(tx).await?)
}

/// A session by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    id: SessionId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// A session by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_id<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    id: &PublicId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::PublicId.eq(id.clone())).one(db).await?)
}

/// The session whose refresh token in force, or the one before it, has this hash.
///
/// # Errors
/// When the database fails.
pub async fn by_refresh_hash<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    hash: &[u8],
) -> Result<Option<Model>, StoreError> {
    // Two statements: one with OR would leave the choice of an index to the planner.
    for column in [Column::RefreshHash, Column::PreviousRefreshHash] {
        if let Some(session) = Entity::find().filter(column.eq(hash)).one(db).await? {
            return Ok(Some(session));
        }
    }
    Ok(None)
}

/// Puts a new refresh token in force; false when `old` is not in force any more, or the session ended.
///
/// # Errors
/// When the database fails.
pub async fn rotate(
    tx: &DatabaseTransaction,
    old: &Model,
    hash: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::RefreshHash, Expr::value(hash))
        .col_expr(Column::PreviousRefreshHash, Expr::value(old.refresh_hash.as_slice()))
        .col_expr(Column::RefreshedAt, Expr::value(now.0))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at.0))
        .filter(Column::Id.eq(old.id))
        .filter(Column::RefreshHash.eq(old.refresh_hash.as_slice()))
        .filter(Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Ends a session; false when it had ended.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &DatabaseTransaction, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now.0))
        .filter(Column::Id.eq(id))
        .filter(Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}
