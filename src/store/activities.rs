//! Table `activities`: written only; nothing changes an entry.

use entity::activities::{ActiveModel, Entity};
use sea_orm::{DatabaseTransaction, EntityTrait};

use super::StoreError;

/// Stores an entry.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, entry: ActiveModel) -> Result<(), StoreError> {
    Entity::insert(entry).exec_without_returning(tx).await?;
    Ok(())
}
