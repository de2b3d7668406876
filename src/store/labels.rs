//! Table `labels`, and who has which of them.

use std::collections::BTreeSet;

use entity::id::{HostId, LabelId, PublicId, TeamId};
use entity::kind::{LabelKind, Platform};
use entity::labels::{ActiveModel, Column, Entity, Model};
use entity::{hosts, label_members};
use sea_orm::sea_query::{LockType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use super::page::{Page, PageRequest};
use super::{StoreError, label_sets, scoped, scoped_or_global, text};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Labels by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[LabelId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Labels by outside id.
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

/// The label of this name for things of a team: its own, or else a global one.
///
/// # Errors
/// When the database fails.
pub async fn by_name<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let for_team = Column::TeamId.is_in([team, TeamId::NONE]);
    let named = visible(scope).filter(Column::Name.eq(name)).filter(for_team);
    Ok(named.order_by_desc(Column::TeamId).one(db).await?)
}

/// The label of this name in a team, or of the global ones.
///
/// # Errors
/// When the database fails.
pub async fn named<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    Ok(visible(scope).filter(Column::TeamId.eq(team)).filter(Column::Name.eq(name)).one(db).await?)
}

/// Every label by SQL, by id.
///
/// # Errors
/// When the database fails.
pub async fn dynamic<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    let dynamic = visible(scope).filter(Column::Kind.eq(LabelKind::Dynamic));
    Ok(dynamic.order_by_asc(Column::Id).all(db).await?)
}

/// When a label by SQL was last made or changed; none when there is none.
///
/// # Errors
/// When the database fails.
pub async fn newest_since(tx: &DatabaseTransaction) -> Result<Option<Timestamp>, StoreError> {
    let newest = Entity::find().filter(Column::Kind.eq(LabelKind::Dynamic)).select_only();
    let newest = newest.column(Column::AskedSince).order_by_desc(Column::AskedSince).limit(1);
    Ok(newest.into_tuple().one(tx).await?)
}

/// Every label in scope, and every global one, that people made, by id.
///
/// # Errors
/// When the database fails.
pub async fn made_by_people<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    let made = visible(scope).filter(Column::Kind.ne(LabelKind::BuiltIn));
    Ok(made.order_by_asc(Column::Id).all(db).await?)
}

/// Stores a new label and answers it with its id.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, label: ActiveModel) -> Result<Model, StoreError> {
    Ok(label.insert(tx).await?)
}

/// Stores the columns that are set and answers the whole row.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn update(tx: &DatabaseTransaction, label: ActiveModel) -> Result<Model, StoreError> {
    Ok(label.update(tx).await?)
}

/// Deletes a label; its members and bitmaps go with it.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, id: LabelId) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Deletes the labels of a team.
///
/// # Errors
/// When the database fails.
pub async fn delete_of_team(tx: &DatabaseTransaction, team: TeamId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::TeamId.eq(team)).exec(tx).await?;
    Ok(())
}

/// Locks a label and answers it.
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

/// Locks labels in the order of ids, so that their members can change, and answers those that are there.
///
/// # Errors
/// When the database fails.
pub async fn lock_for_members(
    tx: &DatabaseTransaction,
    ids: BTreeSet<LabelId>,
) -> Result<Vec<Model>, StoreError> {
    let labels = Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id);
    Ok(labels.lock(LockType::NoKeyUpdate).all(tx).await?)
}

/// A page, by id: of one team, or of all; of names that begin with `search`, or of all.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: Option<TeamId>,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let wanted = Condition::all()
        .add_option(team.map(|team| Column::TeamId.eq(team)))
        .add_option(search.map(|prefix| text::starts_with(Column::Name, prefix)));
    page.read_by_id(db, visible(scope).filter(wanted), (Column::Id, |row| row.id.0)).await
}

/// Which labels each host in scope has: pairs in the order of labels.
///
/// # Errors
/// When the database fails.
pub async fn of_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[HostId],
) -> Result<Vec<(HostId, LabelId)>, StoreError> {
    // Of these hosts alone: else all that are in scope would be gone through for the labels of one.
    let visible = hosts_in(scope).and_where(hosts::Column::Id.is_in(ids.iter().copied())).take();
    let members = label_members::Entity::find()
        .select_only()
        .columns([label_members::Column::HostId, label_members::Column::LabelId])
        .filter(label_members::Column::HostId.is_in(ids.iter().copied()))
        .filter(label_members::Column::HostId.in_subquery(visible))
        .order_by_asc(label_members::Column::LabelId);
    Ok(members.into_tuple().all(db).await?)
}

/// Which of these labels each host in scope has, of those that have any: pairs in the order of labels.
///
/// # Errors
/// When the database fails.
pub async fn with_any<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: &[LabelId],
) -> Result<Vec<(HostId, LabelId)>, StoreError> {
    let members = label_members::Entity::find()
        .select_only()
        .columns([label_members::Column::HostId, label_members::Column::LabelId])
        .filter(label_members::Column::LabelId.is_in(labels.iter().copied()))
        .filter(label_members::Column::HostId.in_subquery(hosts_in(scope)))
        .order_by_asc(label_members::Column::LabelId);
    Ok(members.into_tuple().all(db).await?)
}

/// How many hosts in scope have each of these labels, or each label there is; one that none has is left out. At most
/// three statements: bitmaps of those that people made, and of those that the server made what their hosts are.
///
/// # Errors
/// When the database fails.
pub async fn count_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: Option<&[LabelId]>,
) -> Result<Vec<(LabelId, i64)>, StoreError> {
    let mut counts = label_sets::counts(db, scope, labels).await?;
    let mut built_in = Entity::find().filter(Column::Kind.eq(LabelKind::BuiltIn));
    if let Some(labels) = labels {
        built_in = built_in.filter(Column::Id.is_in(labels.iter().copied()));
    }
    let columns = built_in.select_only().columns([Column::Id, Column::Platform]);
    let built_in: Vec<(LabelId, Option<Platform>)> = columns.into_tuple().all(db).await?;
    if !built_in.is_empty() {
        let hosts = count_by_platform(db, scope).await?;
        counts.extend(built_in.into_iter().map(|(label, of)| {
            let of_label = hosts.iter().filter(|(platform, _)| of.is_none_or(|of| of == *platform));
            (label, of_label.map(|(_, hosts)| hosts).sum())
        }));
    }
    counts.retain(|(_, hosts)| *hosts > 0);
    counts.sort_unstable();
    Ok(counts)
}

async fn count_by_platform<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
) -> Result<Vec<(Platform, i64)>, StoreError> {
    let counted = hosts::Entity::find()
        .select_only()
        .column(hosts::Column::Platform)
        .column_as(hosts::Column::Id.count(), "hosts")
        .filter(scoped(hosts::Column::TeamId, scope))
        .group_by(hosts::Column::Platform);
    Ok(counted.into_tuple().all(db).await?)
}

/// Ids of the hosts in scope.
pub(super) fn hosts_in(scope: &Scope) -> SelectStatement {
    Query::select()
        .column(hosts::Column::Id)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .take()
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped_or_global(Column::TeamId, scope))
}
