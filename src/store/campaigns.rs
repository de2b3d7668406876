//! Table `campaigns`. A campaign is visible where one of its targets was in scope at its start.

mod purged;
mod shipped;

use std::collections::HashMap;

use entity::campaign_teams;
use entity::campaigns::{ActiveModel, Column, Entity, Model};
use entity::id::{CampaignId, PublicId, SavedQueryId};
use entity::kind::CampaignStatus;
use entity::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

pub use purged::{mark_purged, purged_with_events};
pub use shipped::{Shipped, newest_until, shipped};

use super::page::{self, Key, Page, PageRequest};
use super::{StoreError, scoped, text};
use crate::policy::{Scope, Teams};

/// Which campaigns are wanted; an absent field is no condition.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// States.
    pub statuses: Option<Vec<CampaignStatus>>,
    /// Runs of this saved query.
    pub saved_query: Option<SavedQueryId>,
    /// Part of the name or SQL, in any case.
    pub search: Option<String>,
}

/// How far a running campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The campaign.
    pub id: CampaignId,
    /// Position of its newest event.
    pub last_position: i64,
    /// Its state.
    pub status: CampaignStatus,
}

/// Stores a new campaign and answers it with its id.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, campaign: ActiveModel) -> Result<Model, StoreError> {
    Ok(campaign.insert(tx).await?)
}

/// Locks campaigns in the order of their ids and answers what they are now; unknown ones are left out.
///
/// # Errors
/// When the database fails.
pub async fn lock(
    tx: &DatabaseTransaction,
    _scope: &Scope,
    ids: &[CampaignId],
) -> Result<Vec<Model>, StoreError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut locked = Vec::with_capacity(sorted.len());
    for ids in sorted.chunks(1_000) {
        let mut select =
            Entity::find().filter(Column::Id.is_in(ids.iter().copied())).order_by_asc(Column::Id);
        if tx.get_database_backend() == DbBackend::Postgres {
            select = select.lock(LockType::Update);
        }
        locked.extend(select.all(tx).await?);
    }
    Ok(locked)
}

/// Writes what the answer writer, a stop or an expiry changed; the row lock is held.
///
/// # Errors
/// When the database fails.
pub async fn save_progress(tx: &DatabaseTransaction, campaign: &Model) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(campaign.status.as_str()))
        .col_expr(Column::EndedAt, Expr::value(campaign.ended_at.map(|at| at.0)))
        .col_expr(Column::LastPosition, Expr::value(campaign.last_position))
        .col_expr(Column::Outstanding, Expr::value(campaign.outstanding))
        .col_expr(Column::Rows, Expr::value(campaign.rows))
        .col_expr(Column::Bytes, Expr::value(campaign.bytes))
        .filter(Column::Id.eq(campaign.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Campaigns by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[CampaignId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Campaigns by outside id.
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

/// A page, newest first.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &Filter,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    page.read_newest_first(db, visible(scope).filter(condition(filter)), (Column::Id, |row| row.id.0)).await
}

/// A page of the runs of each saved query, newest first.
///
/// # Errors
/// When the database fails.
pub async fn pages_of_queries<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    queries: &[SavedQueryId],
    request: &PageRequest,
) -> Result<HashMap<SavedQueryId, Page<Model>>, StoreError> {
    let runs =
        |query| request.newest_first(visible(scope).filter(Column::SavedQueryId.eq(query)), Column::Id);
    page::pages(db, queries, request, runs, |row| Key::by_id(row.id.0)).await
}

/// How many runs each saved query has; one without is left out.
///
/// # Errors
/// When the database fails.
pub async fn count_of_queries<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    queries: &[SavedQueryId],
) -> Result<HashMap<SavedQueryId, u64>, StoreError> {
    page::counts(db, queries, (visible(scope), Column::SavedQueryId)).await
}

/// How many match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(db: &C, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
    Ok(visible(scope).filter(condition(filter)).count(db).await?)
}

/// Every running campaign, newest first.
///
/// # Errors
/// When the database fails.
pub async fn running<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    let running = visible(scope).filter(Column::Status.eq(CampaignStatus::Running));
    Ok(running.order_by_desc(Column::Id).all(db).await?)
}

/// How many campaigns run, and how many targets they await in all.
///
/// # Errors
/// When the database fails.
pub async fn running_load<C: ConnectionTrait>(db: &C, _scope: &Scope) -> Result<(u64, u64), StoreError> {
    let (running, outstanding): (i64, Option<i64>) = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "running")
        .expr_as(Expr::cust("cast(sum(outstanding) as bigint)"), "outstanding")
        .filter(Column::Status.eq(CampaignStatus::Running))
        .into_tuple()
        .one(db)
        .await?
        .unwrap_or_default();
    Ok((running.unsigned_abs(), outstanding.unwrap_or_default().unsigned_abs()))
}

/// Running campaigns whose time was over at `now`, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn overdue<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    now: Timestamp,
) -> Result<Vec<CampaignId>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Status.eq(CampaignStatus::Running))
        .filter(Column::ExpiresAt.lte(now))
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?)
}

/// How far every running campaign is, and those of `watched` whatever their state.
///
/// # Errors
/// When the database fails.
pub async fn progress<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    watched: &[CampaignId],
) -> Result<Vec<Progress>, StoreError> {
    let watched = watched.iter().copied();
    let rows: Vec<(CampaignId, i64, CampaignStatus)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::LastPosition, Column::Status])
        .filter(
            Condition::any().add(Column::Status.eq(CampaignStatus::Running)).add(Column::Id.is_in(watched)),
        )
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, last_position, status)| Progress { id, last_position, status }).collect())
}

fn visible(scope: &Scope) -> Select<Entity> {
    let select = Entity::find();
    if matches!(scope.teams(), Teams::All) {
        return select;
    }
    let mut seen = Query::select();
    seen.column(campaign_teams::Column::CampaignId)
        .from(campaign_teams::Entity)
        .cond_where(scoped(campaign_teams::Column::TeamId, scope));
    select.filter(Column::Id.in_subquery(seen))
}

fn condition(filter: &Filter) -> Condition {
    let mut condition = Condition::all();
    if let Some(statuses) = &filter.statuses {
        condition = condition.add(Column::Status.is_in(statuses.iter().copied()));
    }
    if let Some(saved_query) = filter.saved_query {
        condition = condition.add(Column::SavedQueryId.eq(saved_query));
    }
    if let Some(part) = &filter.search {
        let either =
            Condition::any().add(text::contains(Column::Name, part)).add(text::contains(Column::Sql, part));
        condition = condition.add(either);
    }
    condition
}
