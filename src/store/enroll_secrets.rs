//! Table `enroll_secrets`.

use entity::enroll_secrets::{ActiveModel, Column, Entity, Model};
use entity::id::{EnrollSecretId, PublicId, TeamId};
use entity::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use super::page::{Page, PageRequest};
use super::{StoreError, scoped};
use crate::policy::Scope;

/// Stores a new secret and answers it with its id.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, secret: ActiveModel) -> Result<Model, StoreError> {
    Ok(secret.insert(tx).await?)
}

/// Unrevoked secrets by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Model>, StoreError> {
    Ok(unrevoked(scope).filter(Column::PublicId.is_in(ids.iter().cloned())).all(db).await?)
}

/// The unrevoked secret with this hash; it may have expired.
///
/// # Errors
/// When the database fails.
pub async fn by_hash<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hash: &[u8],
) -> Result<Option<Model>, StoreError> {
    Ok(unrevoked(scope).filter(Column::SecretHash.eq(hash)).one(db).await?)
}

/// The newest `limit` unrevoked secrets; some may have expired.
///
/// # Errors
/// When the database fails.
pub async fn newest<C: ConnectionTrait>(db: &C, scope: &Scope, limit: u64) -> Result<Vec<Model>, StoreError> {
    Ok(unrevoked(scope).order_by_desc(Column::Id).limit(limit).all(db).await?)
}

/// A page of unrevoked secrets, by id; `team` keeps those of one team.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: Option<TeamId>,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let of_team = team.map(|team| Column::TeamId.eq(team));
    let select = of_team.into_iter().fold(unrevoked(scope), Select::filter);
    page.read_by_id(db, select, (Column::Id, |row| row.id.0)).await
}

/// Revokes every secret of a team.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_team(
    tx: &DatabaseTransaction,
    team: TeamId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let update = Entity::update_many().col_expr(Column::RevokedAt, Expr::value(now.0));
    update.filter(Column::TeamId.eq(team)).filter(Column::RevokedAt.is_null()).exec(tx).await?;
    Ok(())
}

/// Ends a secret at `end`, unless it ends before.
///
/// # Errors
/// When the database fails.
pub async fn end_by(tx: &DatabaseTransaction, id: EnrollSecretId, end: Timestamp) -> Result<(), StoreError> {
    let later = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(end));
    let update = Entity::update_many().col_expr(Column::ExpiresAt, Expr::value(end.0));
    update.filter(Column::Id.eq(id)).filter(later).exec(tx).await?;
    Ok(())
}

/// Revokes a secret; false when it was revoked.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    tx: &DatabaseTransaction,
    id: EnrollSecretId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now.0))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

fn unrevoked(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped(Column::TeamId, scope)).filter(Column::RevokedAt.is_null())
}
