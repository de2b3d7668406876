//! Table `invitations`. An invitation is in scope where the team of its role is.

use entity::id::{InvitationId, PublicId, TeamId};
use entity::invitations::{ActiveModel, Column, Entity, Model};
use entity::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Select,
};

use super::page::{Page, PageRequest};
use super::{StoreError, scoped};
use crate::policy::Scope;

/// Stores a new invitation and answers it with its id.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, invitation: ActiveModel) -> Result<Model, StoreError> {
    Ok(invitation.insert(tx).await?)
}

/// Invitations by outside id that were neither accepted nor revoked; they may have expired.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Model>, StoreError> {
    Ok(open(scope).filter(Column::PublicId.is_in(ids.iter().cloned())).all(db).await?)
}

/// The open invitation whose token has this hash; it may have expired.
///
/// # Errors
/// When the database fails.
pub async fn by_hash<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hash: &[u8],
) -> Result<Option<Model>, StoreError> {
    Ok(open(scope).filter(Column::TokenHash.eq(hash)).one(db).await?)
}

/// A page of open invitations, by id.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    page.read_by_id(db, open(scope), (Column::Id, |row| row.id.0)).await
}

/// Marks an invitation as accepted or revoked; false when it was before.
///
/// # Errors
/// When the database fails.
pub async fn close(tx: &DatabaseTransaction, id: InvitationId, now: Timestamp) -> Result<bool, StoreError> {
    let update = Entity::update_many().col_expr(Column::ClosedAt, Expr::value(now.0));
    let updated = update.filter(Column::Id.eq(id)).filter(Column::ClosedAt.is_null()).exec(tx).await?;
    Ok(updated.rows_affected == 1)
}

/// Revokes the open invitations to a team.
///
/// # Errors
/// When the database fails.
pub async fn close_of_team(tx: &DatabaseTransaction, team: TeamId, now: Timestamp) -> Result<(), StoreError> {
    let update = Entity::update_many().col_expr(Column::ClosedAt, Expr::value(now.0));
    update.filter(Column::TeamId.eq(team)).filter(Column::ClosedAt.is_null()).exec(tx).await?;
    Ok(())
}

fn open(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped(Column::TeamId, scope)).filter(Column::ClosedAt.is_null())
}
