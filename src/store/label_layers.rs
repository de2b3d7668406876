//! Table `label_layers`.

use entity::id::TeamId;
use entity::label_layers::{Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter,
};

use super::{StoreError, scoped_or_global};
use crate::policy::Scope;

/// Every layer in scope and every global one, in the order in which they are laid over each other: by priority; of equal
/// ones those of teams after global ones, then by name, byte by byte on either database.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    let mut layers = Entity::find().filter(scoped_or_global(Column::TeamId, scope)).all(db).await?;
    layers.sort_by(|one, other| {
        (one.priority, one.team_id, &one.name).cmp(&(other.priority, other.team_id, &other.name))
    });
    Ok(layers)
}

/// One layer; none when there is none of this name.
///
/// # Errors
/// When the database fails.
pub async fn get<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let layer = Entity::find_by_id((team, name.to_owned()));
    Ok(layer.filter(scoped_or_global(Column::TeamId, scope)).one(db).await?)
}

/// Writes a layer, in place of the one before.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &DatabaseTransaction, layer: Model) -> Result<(), StoreError> {
    let changing = [
        Column::Audience,
        Column::Priority,
        Column::LabelScope,
        Column::Document,
        Column::UpdatedBy,
        Column::UpdatedAt,
        Column::Version,
    ];
    let replace = OnConflict::columns([Column::TeamId, Column::Name]).update_columns(changing).to_owned();
    Entity::insert(layer.into_active_model().reset_all())
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Deletes a layer.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, team: TeamId, name: &str) -> Result<(), StoreError> {
    Entity::delete_by_id((team, name.to_owned())).exec(tx).await?;
    Ok(())
}

/// Deletes the layers of a team.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_team(tx: &DatabaseTransaction, team: TeamId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::TeamId.eq(team)).exec(tx).await?;
    Ok(())
}
