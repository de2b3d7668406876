//! Table `osquery_configs`.

use entity::id::TeamId;
use entity::osquery_configs::{Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
};

use super::{StoreError, scoped_or_global};
use crate::policy::Scope;

/// Every layer in scope and every global one: by team, then audience.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    let layers = Entity::find().filter(scoped_or_global(Column::TeamId, scope));
    Ok(layers.order_by_asc(Column::TeamId).order_by_asc(Column::Audience).all(db).await?)
}

/// One layer; none when it was never written.
///
/// # Errors
/// When the database fails.
pub async fn get<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
    audience: &str,
) -> Result<Option<Model>, StoreError> {
    let layer = Entity::find_by_id((team, audience.to_owned()));
    Ok(layer.filter(scoped_or_global(Column::TeamId, scope)).one(db).await?)
}

/// Writes a layer, in place of the one before.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &DatabaseTransaction, layer: Model) -> Result<(), StoreError> {
    let replace = OnConflict::columns([Column::TeamId, Column::Audience])
        .update_columns([Column::Document, Column::UpdatedBy, Column::UpdatedAt, Column::Version])
        .to_owned();
    Entity::insert(layer.into_active_model().reset_all())
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
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
