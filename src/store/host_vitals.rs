//! Table `host_vitals`: what hosts told that has no columns.

use entity::host_vitals::{ActiveModel, Column, Entity, Model};
use entity::hosts;
use entity::id::HostId;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};

use super::{StoreError, scoped};
use crate::policy::Scope;

/// Rows in one statement at most.
const BATCH: usize = 1_000;

/// Writes what hosts told, each in place of what it told before; a failure leaves the rows as they are.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &DatabaseTransaction, told: Vec<Model>) -> Result<(), StoreError> {
    let (told, failed): (Vec<Model>, Vec<Model>) = told.into_iter().partition(|row| row.error.is_none());
    upsert(tx, told, &[Column::Rows, Column::Error, Column::UpdatedAt]).await?;
    upsert(tx, failed, &[Column::Error, Column::UpdatedAt]).await
}

async fn upsert(tx: &DatabaseTransaction, rows: Vec<Model>, update: &[Column]) -> Result<(), StoreError> {
    // A statement can't write a row twice: the last one of a host stays.
    let last: std::collections::BTreeMap<(HostId, String), Model> =
        rows.into_iter().map(|row| ((row.host_id, row.key.clone()), row)).collect();
    let rows: Vec<ActiveModel> = last.into_values().map(IntoActiveModel::into_active_model).collect();
    for batch in rows.chunks(BATCH) {
        let replace = OnConflict::columns([Column::HostId, Column::Key])
            .update_columns(update.iter().copied())
            .to_owned();
        Entity::insert_many(batch.to_vec()).on_conflict(replace).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Deletes what all hosts told under these keys.
///
/// # Errors
/// When the database fails.
pub async fn delete_keys(tx: &DatabaseTransaction, keys: &[String]) -> Result<(), StoreError> {
    if !keys.is_empty() {
        Entity::delete_many().filter(Column::Key.is_in(keys.iter().cloned())).exec(tx).await?;
    }
    Ok(())
}

/// What visible hosts told, in order of host and key.
///
/// # Errors
/// When the database fails.
pub async fn of_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[HostId],
) -> Result<Vec<Model>, StoreError> {
    let visible = Query::select()
        .column(hosts::Column::Id)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .and_where(hosts::Column::Id.is_in(ids.iter().copied()))
        .take();
    let found = Entity::find().filter(Column::HostId.in_subquery(visible));
    Ok(found.order_by_asc(Column::HostId).order_by_asc(Column::Key).all(db).await?)
}
