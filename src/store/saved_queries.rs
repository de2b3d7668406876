//! Table `saved_queries`.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use entity::id::{PackId, PublicId, SavedQueryId, TeamId};
use entity::saved_queries::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::page::{self, Key, Page, PageRequest};
use super::{StoreError, scoped_or_global, text};
use crate::policy::Scope;

/// Ids in one statement at most.
const LIST: usize = 30_000;

/// Which saved queries are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Of this team only.
    pub team: Option<TeamId>,
    /// Of this pack only; [`PackId::NONE`] for those in none.
    pub pack: Option<PackId>,
    /// With a schedule, or without one.
    pub scheduled: Option<bool>,
    /// With this in their name, in any case.
    pub search: Option<&'a str>,
}

impl Wanted<'_> {
    fn condition(&self) -> Condition {
        Condition::all()
            .add_option(self.team.map(|team| Column::TeamId.eq(team)))
            .add_option(self.pack.map(|pack| Column::PackId.eq(pack)))
            .add_option(self.scheduled.map(|scheduled| {
                if scheduled { Column::IntervalS.is_not_null() } else { Column::IntervalS.is_null() }
            }))
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

/// Deletes the saved queries of a pack.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_pack(tx: &DatabaseTransaction, pack: PackId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::PackId.eq(pack)).exec(tx).await?;
    Ok(())
}

/// Every saved query with a schedule, in scope or global, by id.
///
/// # Errors
/// When the database fails.
pub async fn scheduled<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    let scheduled = visible(scope).filter(Column::IntervalS.is_not_null());
    Ok(scheduled.order_by_asc(Column::Id).all(db).await?)
}

/// Which of these saved queries are in scope, or global.
///
/// # Errors
/// When the database fails.
pub async fn visible_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[SavedQueryId],
) -> Result<HashSet<SavedQueryId>, StoreError> {
    let mut found = HashSet::new();
    for ids in ids.chunks(LIST) {
        let wanted = visible(scope).filter(Column::Id.is_in(ids.iter().copied()));
        let ids: Vec<SavedQueryId> = wanted.select_only().column(Column::Id).into_tuple().all(db).await?;
        found.extend(ids);
    }
    Ok(found)
}

/// Every saved query in scope and every global one, by id.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).order_by_asc(Column::Id).all(db).await?)
}

/// Every saved query of exactly this team, or of the global ones, by id.
///
/// # Errors
/// When the database fails.
pub async fn of_team<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::TeamId.eq(team)).order_by_asc(Column::Id).all(db).await?)
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

/// The saved query of this name in a pack of a team, or among those of the team that are in none.
///
/// # Errors
/// When the database fails.
pub async fn by_name<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    (team, pack): (TeamId, PackId),
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let named = visible(scope).filter(Column::TeamId.eq(team)).filter(Column::PackId.eq(pack));
    Ok(named.filter(Column::Name.eq(name)).one(db).await?)
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
    page.read_by_id(db, visible(scope).filter(wanted.condition()), (Column::Id, |row| row.id.0)).await
}

/// What has saved queries of its own.
pub trait Owner: Copy + Eq + Hash + sea_orm::TryGetable + Into<sea_orm::Value> {
    /// The column that names it.
    const COLUMN: Column;
}

impl Owner for TeamId {
    const COLUMN: Column = Column::TeamId;
}

impl Owner for PackId {
    const COLUMN: Column = Column::PackId;
}

/// A page of the saved queries of each owner, by id.
///
/// # Errors
/// When the database fails.
pub async fn pages_of<C: ConnectionTrait, O: Owner>(
    db: &C,
    scope: &Scope,
    owners: &[O],
    request: &PageRequest,
) -> Result<HashMap<O, Page<Model>>, StoreError> {
    let own = |owner: O| request.by_id(visible(scope).filter(O::COLUMN.eq(owner)), Column::Id);
    page::pages(db, owners, request, own, |row| Key::by_id(row.id.0)).await
}

/// How many each owner has; one without is left out.
///
/// # Errors
/// When the database fails.
pub async fn count_of<C: ConnectionTrait, O: Owner>(
    db: &C,
    scope: &Scope,
    owners: &[O],
) -> Result<HashMap<O, u64>, StoreError> {
    page::counts(db, owners, (visible(scope), O::COLUMN)).await
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
