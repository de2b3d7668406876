//! Table `packs`.

use entity::id::{PackId, PublicId, TeamId};
use entity::packs::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::page::{Page, PageRequest};
use super::{StoreError, scoped_or_global, text};
use crate::policy::Scope;

/// Stores a new pack and answers it with its id.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, pack: ActiveModel) -> Result<Model, StoreError> {
    Ok(pack.insert(tx).await?)
}

/// Stores the columns that are set and answers the whole row.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn update(tx: &DatabaseTransaction, pack: ActiveModel) -> Result<Model, StoreError> {
    Ok(pack.update(tx).await?)
}

/// Deletes a pack.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, id: PackId) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Deletes the packs of a team.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_team(tx: &DatabaseTransaction, team: TeamId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::TeamId.eq(team)).exec(tx).await?;
    Ok(())
}

/// Locks a pack and answers it.
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

/// The pack of this name in a team, or of the global ones.
///
/// # Errors
/// When the database fails.
pub async fn by_name<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    Ok(visible(scope).filter(Column::TeamId.eq(team)).filter(Column::Name.eq(name)).one(db).await?)
}

/// Packs by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PackId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Packs by outside id.
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

/// Every pack in scope and every global one, by id.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).order_by_asc(Column::Id).all(db).await?)
}

/// A page, by id: of one team, or of all; of names that contain `search`, or of all.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    (team, search): (Option<TeamId>, Option<&str>),
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    page.read_by_id(db, wanted(scope, team, search), (Column::Id, |row| row.id.0)).await
}

/// How many match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    (team, search): (Option<TeamId>, Option<&str>),
) -> Result<u64, StoreError> {
    Ok(wanted(scope, team, search).count(db).await?)
}

fn wanted(scope: &Scope, team: Option<TeamId>, search: Option<&str>) -> Select<Entity> {
    let wanted = Condition::all()
        .add_option(team.map(|team| Column::TeamId.eq(team)))
        .add_option(search.map(|part| text::contains(Column::Name, part)));
    visible(scope).filter(wanted)
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped_or_global(Column::TeamId, scope))
}
