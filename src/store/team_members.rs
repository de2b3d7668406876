//! Table `team_members`; its rows are read with their users.

use entity::team_members::{ActiveModel, Entity, Model};
use sea_orm::{DatabaseTransaction, EntityTrait, IntoActiveModel};

use super::StoreError;

/// Stores a role of a user in a team.
///
/// # Errors
/// A unique violation when the user has one there; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, member: Model) -> Result<(), StoreError> {
    let member: ActiveModel = member.into_active_model();
    Entity::insert(member).exec_without_returning(tx).await?;
    Ok(())
}
