//! Table `saved_queries`.

use entity::id::{PublicId, SavedQueryId, TeamId};
use entity::saved_queries::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QuerySelect, Select,
};

use super::page::{Key, Page, PageRequest};
use super::{StoreError, scoped_or_global, text};
use crate::policy::Scope;

/// Which saved queries are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Of this team only.
    pub team: Option<TeamId>,
    /// With this in their name, in any case.
    pub search: Option<&'a str>,
}

impl Wanted<'_> {
    fn condition(&self) -> Condition {
        Condition::all()
            .add_option(self.team.map(|team| Column::TeamId.eq(team)))
            .add_option(self.search.map(|part| text::contains(Column::Name, part)))
    }
}

/// Stores a new saved query and answers it with its id.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, query: ActiveModel) -> Result<Model, StoreError> {
    Ok(query.insert(tx).await?)
}

/// Stores the columns that are set and answers the whole row.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn update(tx: &DatabaseTransaction, query: ActiveModel) -> Result<Model, StoreError> {
    Ok(query.update(tx).await?)
}

/// Deletes a saved query.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, id: SavedQueryId) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Deletes the saved queries of a team.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_team(tx: &DatabaseTransaction, team: TeamId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::TeamId.eq(team)).exec(tx).await?;
    Ok(())
}

/// Locks a saved query and answers it.
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

/// The saved query of this name in a team, or of the global ones.
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

/// Saved queries by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[SavedQueryId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Saved queries by outside id.
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

/// A page, by id.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    wanted: Wanted<'_>,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let rows = page.by_id(visible(scope).filter(wanted.condition()), Column::Id).all(db).await?;
    Ok(Page::of(rows, page, |row| Key { sort: None, id: row.id.0 }))
}

/// How many match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(db: &C, scope: &Scope, wanted: Wanted<'_>) -> Result<u64, StoreError> {
    Ok(visible(scope).filter(wanted.condition()).count(db).await?)
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped_or_global(Column::TeamId, scope))
}
