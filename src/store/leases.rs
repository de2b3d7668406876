//! Table `leases`: what one server at a time does.

use entity::id::PublicId;
use entity::leases::{ActiveModel, Column, Entity};
use entity::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::StoreError;

/// Takes the lease of this name until `ends_at`, or keeps it for as long; false while another server has it.
///
/// # Errors
/// When the database fails.
pub async fn take<C: ConnectionTrait>(
    db: &C,
    name: &str,
    holder: &PublicId,
    (now, ends_at): (Timestamp, Timestamp),
) -> Result<bool, StoreError> {
    let row = ActiveModel { name: Set(name.to_owned()), holder: Set(holder.clone()), ends_at: Set(ends_at) };
    let is_own = Expr::col((Entity, Column::Holder)).eq(holder.0.as_str());
    let is_over = Expr::col((Entity, Column::EndsAt)).lte(now.0);
    let take = OnConflict::column(Column::Name)
        .update_columns([Column::Holder, Column::EndsAt])
        .action_and_where(is_own.or(is_over))
        .to_owned();
    Ok(Entity::insert(row).on_conflict(take).exec_without_returning(db).await? == 1)
}

/// Gives the lease back, so that another server may take it at once.
///
/// # Errors
/// When the database fails.
pub async fn release<C: ConnectionTrait>(db: &C, name: &str, holder: &PublicId) -> Result<(), StoreError> {
    let own = Entity::delete_many().filter(Column::Name.eq(name)).filter(Column::Holder.eq(holder.clone()));
    own.exec(db).await?;
    Ok(())
}
