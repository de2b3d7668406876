//! Table `labels`, and who has which of them.

use entity::id::{HostId, LabelId, PublicId, TeamId};
use entity::labels::{Column, Entity, Model};
use entity::{hosts, label_members};
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::page::{Key, Page, PageRequest};
use super::{StoreError, scoped, scoped_or_global, text};
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
    let rows = page.by_id(visible(scope).filter(wanted), Column::Id).all(db).await?;
    Ok(Page::of(rows, page, |row| Key { sort: None, id: row.id.0 }))
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
    let members = label_members::Entity::find()
        .select_only()
        .columns([label_members::Column::HostId, label_members::Column::LabelId])
        .filter(label_members::Column::HostId.is_in(ids.iter().copied()))
        .filter(label_members::Column::HostId.in_subquery(hosts_in(scope)))
        .order_by_asc(label_members::Column::LabelId);
    Ok(members.into_tuple().all(db).await?)
}

/// How many hosts in scope have each label; a label that none has is left out.
///
/// # Errors
/// When the database fails.
pub async fn count_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: &[LabelId],
) -> Result<Vec<(LabelId, i64)>, StoreError> {
    let members = label_members::Entity::find()
        .select_only()
        .column(label_members::Column::LabelId)
        .column_as(label_members::Column::HostId.count(), "hosts")
        .filter(label_members::Column::LabelId.is_in(labels.iter().copied()))
        .filter(label_members::Column::HostId.in_subquery(hosts_in(scope)))
        .group_by(label_members::Column::LabelId);
    Ok(members.into_tuple().all(db).await?)
}

fn hosts_in(scope: &Scope) -> SelectStatement {
    Query::select()
        .column(hosts::Column::Id)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .take()
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped_or_global(Column::TeamId, scope))
}
