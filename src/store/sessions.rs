//! Table `sessions`. Its reads decide who somebody is, so their scope is the system's.

use entity::id::{PublicId, SessionId, UserId};
use entity::sessions::{ActiveModel, Column, Entity, Model};
use entity::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect,
};

use super::StoreError;
use super::page::{Page, PageRequest};
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

/// The session of a cookie with this hash.
///
/// # Errors
/// When the database fails.
pub async fn by_cookie_hash<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    hash: &[u8],
) -> Result<Option<Model>, StoreError> {
    let found = Entity::find().filter(Column::RefreshHash.eq(hash)).filter(Column::ByCookie.eq(true));
    Ok(found.one(db).await?)
}

/// Those of the named sessions that have not ended.
///
/// # Errors
/// When the database fails.
pub async fn live_by_public_ids<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    ids: &[PublicId],
    now: Timestamp,
) -> Result<Vec<Model>, StoreError> {
    let found = Entity::find().filter(live(now)).filter(Column::PublicId.is_in(ids.iter().cloned()));
    Ok(found.all(db).await?)
}

/// A page of a user's sessions that have not ended, newest first.
///
/// # Errors
/// When the database fails.
pub async fn page_of_user<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    user: UserId,
    now: Timestamp,
    request: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let select = Entity::find().filter(live(now)).filter(Column::UserId.eq(user));
    request.read_newest_first(db, select, (Column::Id, |session| session.id.0)).await
}

/// The session whose refresh token in force, or the one before it, has this hash; never that of a cookie.
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
        let found = Entity::find().filter(column.eq(hash)).filter(Column::ByCookie.eq(false));
        if let Some(session) = found.one(db).await? {
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

/// Moves the end of a session that a cookie carries; false when it had ended.
///
/// # Errors
/// When the database fails.
pub async fn extend(
    tx: &DatabaseTransaction,
    id: SessionId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::RefreshedAt, Expr::value(now.0))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at.0))
        .filter(Column::Id.eq(id))
        .filter(Column::ByCookie.eq(true))
        .filter(live(now))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Ends every session of a user but one, and answers how many ended.
///
/// # Errors
/// When the database fails.
pub async fn end_of_user(
    tx: &DatabaseTransaction,
    user: UserId,
    but: Option<SessionId>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let others = but.map_or_else(Condition::all, |but| Condition::all().add(Column::Id.ne(but)));
    let updated = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now.0))
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null())
        .filter(others)
        .exec(tx)
        .await?;
    Ok(updated.rows_affected)
}

/// Deletes up to `limit` sessions that were over before `time`, and answers how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_over<C: ConnectionTrait>(db: &C, time: Timestamp, limit: u64) -> Result<u64, StoreError> {
    let over = Condition::any().add(Column::EndedAt.lt(time)).add(Column::ExpiresAt.lt(time));
    let ids = Entity::find().select_only().column(Column::Id).filter(over).limit(limit);
    let ids: Vec<SessionId> = ids.into_tuple().all(db).await?;
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?.rows_affected)
}

fn live(now: Timestamp) -> Condition {
    Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}
