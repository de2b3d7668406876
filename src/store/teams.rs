//! Table `teams`. A team is in scope where its id is.

use entity::id::{PublicId, TeamId};
use entity::teams::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::page::{Page, PageRequest};
use super::{StoreError, scoped};
use crate::policy::Scope;

/// Stores a new team and answers it with its id.
///
/// # Errors
/// A unique violation when the name is taken; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, team: ActiveModel) -> Result<Model, StoreError> {
    Ok(team.insert(tx).await?)
}

/// Stores the columns that are set and answers the whole row.
///
/// # Errors
/// A unique violation when the name is taken; when the database fails.
pub async fn update(tx: &DatabaseTransaction, team: ActiveModel) -> Result<Model, StoreError> {
    Ok(team.update(tx).await?)
}

/// Deletes a team, and with it the roles in it.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, id: TeamId) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Locks a team and answers it.
///
/// # Errors
/// When the database fails.
pub async fn lock(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: &PublicId,
) -> Result<Option<Model>, StoreError> {
    Ok(visible(scope).filter(Column::PublicId.eq(id.clone())).lock_exclusive().one(tx).await?)
}

/// Teams by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[TeamId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Teams by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::PublicId.is_in(ids.iter().cloned())).all(db).await?)
}

/// The team of that name.
///
/// # Errors
/// When the database fails.
pub async fn by_name<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Name.eq(name)).one(db).await?)
}

/// A page, by id.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    page.read_by_id(db, visible(scope), (Column::Id, |row| row.id.0)).await
}

/// How many there are.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<u64, StoreError> {
    Ok(visible(scope).count(db).await?)
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped(Column::Id, scope))
}

/// Every team, and after how many days its hosts go that are not seen any more, where it says.
///
/// # Errors
/// When the database fails.
pub async fn expiries<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
) -> Result<Vec<(TeamId, Option<i32>)>, StoreError> {
    let columns = Entity::find().select_only().columns([Column::Id, Column::HostExpiryDays]);
    Ok(columns.order_by_asc(Column::Id).into_tuple().all(db).await?)
}
