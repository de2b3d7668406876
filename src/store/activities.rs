//! Table `activities`: written and read; nothing changes an entry, and only retention deletes.

use entity::activities::{ActiveModel, Column, Entity, Model};
use entity::id::{ActivityId, PublicId, TeamId};
use entity::time::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::page::{Page, PageRequest};
use super::{StoreError, scoped};
use crate::policy::Scope;

/// Which entries are wanted; each condition narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Outside id of who acted.
    pub actor: Option<String>,
    /// Outside id of the user who acted, themselves or by an API token.
    pub user: Option<String>,
    /// Kinds, any of them; a noun such as `session` stands for all of its kinds.
    pub kinds: Option<Vec<String>>,
    /// Outside id of the object.
    pub subject: Option<String>,
    /// Teams concerned, any of them.
    pub teams: Option<Vec<TeamId>>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// Stores an entry.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, entry: ActiveModel) -> Result<(), StoreError> {
    Entity::insert(entry).exec_without_returning(tx).await?;
    Ok(())
}

/// Entries by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Model>, StoreError> {
    let named = Entity::find().filter(Column::PublicId.is_in(ids.iter().cloned()));
    Ok(named.filter(scoped(Column::TeamId, scope)).all(db).await?)
}

/// A page of entries, newest first.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ActivityFilter,
    request: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let select = Entity::find().filter(scoped(Column::TeamId, scope)).filter(condition(filter));
    request.read_newest_first(db, select, (Column::Id, |entry| entry.id.0)).await
}

/// The entries after an id, but for these, oldest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn after<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ActivityFilter,
    after: ActivityId,
    but: &[ActivityId],
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let select = Entity::find().filter(scoped(Column::TeamId, scope)).filter(condition(filter));
    let new = select.filter(Column::Id.gt(after)).filter(Column::Id.is_not_in(but.iter().copied()));
    Ok(new.order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// The ids of entries from a time on.
///
/// # Errors
/// When the database fails.
pub async fn ids_from<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    from: Timestamp,
) -> Result<Vec<ActivityId>, StoreError> {
    let found = Entity::find().select_only().column(Column::Id).filter(Column::OccurredAt.gte(from));
    Ok(found.into_tuple().all(db).await?)
}

/// The largest id; 0 when there is no entry.
///
/// # Errors
/// When the database fails.
pub async fn newest<C: ConnectionTrait>(db: &C, _scope: &Scope) -> Result<ActivityId, StoreError> {
    let newest: Option<Option<ActivityId>> =
        Entity::find().select_only().column_as(Column::Id.max(), "id").into_tuple().one(db).await?;
    Ok(newest.flatten().unwrap_or_default())
}

/// Deletes up to `limit` entries before a time, oldest first, and answers how many: retention, and nothing else.
///
/// # Errors
/// When the database fails.
pub async fn delete_before<C: ConnectionTrait>(
    db: &C,
    time: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    let old = Entity::find().select_only().column(Column::Id).filter(Column::OccurredAt.lt(time));
    let old: Vec<ActivityId> = old.order_by_asc(Column::OccurredAt).limit(limit).into_tuple().all(db).await?;
    Ok(Entity::delete_many().filter(Column::Id.is_in(old)).exec(db).await?.rows_affected)
}

fn condition(filter: &ActivityFilter) -> Condition {
    let ActivityFilter { actor, user, kinds, subject, teams, from, until } = filter;
    Condition::all()
        .add_option(actor.as_ref().map(|actor| Column::Actor.eq(actor)))
        .add_option(user.as_ref().map(|user| Column::ActingUser.eq(user)))
        .add_option(kinds.as_ref().map(|kinds| any_kind(kinds)))
        .add_option(subject.as_ref().map(|subject| Column::Subject.eq(subject)))
        .add_option(teams.as_ref().map(|teams| Column::TeamId.is_in(teams.iter().copied())))
        .add_option(from.map(|from| Column::OccurredAt.gte(from)))
        .add_option(until.map(|until| Column::OccurredAt.lt(until)))
}

/// `_` in a noun matches any one character: no two nouns differ by that alone.
fn any_kind(kinds: &[String]) -> Condition {
    let (whole, nouns): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.contains('.'));
    let any = Condition::any().add(Column::Kind.is_in(whole));
    nouns.into_iter().fold(any, |any, noun| any.add(Column::Kind.starts_with(format!("{noun}."))))
}
