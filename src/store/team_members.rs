//! Table `team_members`; its rows are read with their users.

use entity::id::{TeamId, UserId};
use entity::team_members::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};

use super::{StoreError, scoped};
use crate::policy::Scope;

/// Stores a role of a user in a team.
///
/// # Errors
/// A unique violation when the user has one there; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, member: Model) -> Result<(), StoreError> {
    let member: ActiveModel = member.into_active_model();
    Entity::insert(member).exec_without_returning(tx).await?;
    Ok(())
}

/// Sets the role of a user in a team, in place of the one before.
///
/// # Errors
/// When the database fails.
pub async fn set(tx: &DatabaseTransaction, member: Model) -> Result<(), StoreError> {
    let replace =
        OnConflict::columns([Column::UserId, Column::TeamId]).update_column(Column::Role).to_owned();
    Entity::insert(member.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes a user's role in a team away; false when there was none.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &DatabaseTransaction, user: UserId, team: TeamId) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id((user, team)).exec(tx).await?.rows_affected == 1)
}

/// The users with a role in a team.
///
/// # Errors
/// When the database fails.
pub async fn users_of<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
) -> Result<Vec<UserId>, StoreError> {
    let members = Entity::find().filter(scoped(Column::TeamId, scope)).filter(Column::TeamId.eq(team));
    Ok(members.select_only().column(Column::UserId).into_tuple().all(db).await?)
}
