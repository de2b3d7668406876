//! Table `api_tokens`. Its reads decide who somebody is, so their scope is the system's.

use entity::api_tokens::{ActiveModel, Column, Entity, Model};
use entity::id::{ApiTokenId, PublicId, UserId};
use entity::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::StoreError;
use super::page::{Page, PageRequest};
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

/// Tokens by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::PublicId.is_in(ids.iter().cloned())).all(db).await?)
}

/// A page of the tokens that were not revoked, newest first; of one user, or of all.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    user: Option<UserId>,
    request: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let of_user = user.map_or_else(Condition::all, |user| Condition::all().add(Column::UserId.eq(user)));
    let select = Entity::find().filter(Column::RevokedAt.is_null()).filter(of_user);
    request.read_newest_first(db, select, (Column::Id, |token| token.id.0)).await
}

/// Revokes a token; false when it had been.
///
/// # Errors
/// When the database fails.
pub async fn revoke(tx: &DatabaseTransaction, id: ApiTokenId, now: Timestamp) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now.0))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Revokes every token of a user, and answers how many there were.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_user(
    tx: &DatabaseTransaction,
    user: UserId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now.0))
        .filter(Column::UserId.eq(user))
        .filter(Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected)
}
