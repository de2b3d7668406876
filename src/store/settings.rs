//! Table `settings`: values of the installation that are no configuration.

use entity::settings::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use super::StoreError;
use crate::policy::Scope;

/// The value under `key`; none when it was never put.
///
/// # Errors
/// When the database fails.
pub async fn get<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    key: &str,
) -> Result<Option<String>, StoreError> {
    Ok(Entity::find_by_id(key).one(db).await?.map(|row| row.value))
}

/// Puts a value under a `key` that has none; false when it has one.
///
/// # Errors
/// When the database fails.
pub async fn put_once<C: ConnectionTrait>(db: &C, key: &str, value: &str) -> Result<bool, StoreError> {
    let row = ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
    let keep = OnConflict::column(Column::Key).do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(keep).exec_without_returning(db).await? == 1)
}

/// Puts a value under `key`, in place of the one before.
///
/// # Errors
/// When the database fails.
pub async fn put<C: ConnectionTrait>(db: &C, key: &str, value: &str) -> Result<(), StoreError> {
    let row = ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
    let replace = OnConflict::column(Column::Key).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}
