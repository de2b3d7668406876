//! Table `campaign_answers`: one row a host that answered, or can answer no more.

use std::collections::HashSet;

pub use entity::campaign_answers::Model as AnswerRow;
use entity::campaign_answers::{Column, Entity};
use entity::id::{CampaignId, HostId, PublicId};
use roaring::RoaringBitmap;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::page::{Key, Page, PageRequest};
use super::{StoreError, scoped, text};
use crate::policy::Scope;

/// Rows of one statement: 13 binds each, under the limit of 32,766.
const CHUNK: usize = 2_000;

/// Stores answers and tells which (campaign, host) were new; those that were there stay as they are.
///
/// # Errors
/// When the database fails.
pub async fn insert_new(
    tx: &DatabaseTransaction,
    answers: &[AnswerRow],
) -> Result<HashSet<(CampaignId, HostId)>, StoreError> {
    let mut new = HashSet::with_capacity(answers.len());
    for rows in answers.chunks(CHUNK) {
        let rows = rows.iter().map(|row| row.clone().into_active_model().reset_all());
        let keep_first = OnConflict::columns([Column::CampaignId, Column::HostId]).do_nothing().to_owned();
        let inserted = Entity::insert_many(rows).on_conflict(keep_first).exec_with_returning_keys(tx).await;
        match inserted {
            Ok(keys) => new.extend(keys),
            Err(sea_orm::DbErr::RecordNotInserted) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(new)
}

/// Corrects an answer of this transaction: its positions and rows, after others of its group fell out.
///
/// # Errors
/// When the database fails.
pub async fn correct(tx: &DatabaseTransaction, answer: &AnswerRow) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::FirstPosition, Expr::value(answer.first_position))
        .col_expr(Column::LastPosition, Expr::value(answer.last_position))
        .col_expr(Column::Rows, Expr::value(answer.rows))
        .col_expr(Column::RowsDropped, Expr::value(answer.rows_dropped))
        .filter(Column::CampaignId.eq(answer.campaign_id))
        .filter(Column::HostId.eq(answer.host_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The hosts that answered a campaign after a position (0: all of them).
///
/// # Errors
/// When the database fails.
pub async fn hosts_after<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaign: CampaignId,
    position: i64,
) -> Result<RoaringBitmap, StoreError> {
    let hosts: Vec<HostId> = Entity::find()
        .select_only()
        .column(Column::HostId)
        .filter(Column::CampaignId.eq(campaign))
        .filter(Column::LastPosition.gt(position))
        .filter(scoped(Column::TeamId, scope))
        .into_tuple()
        .all(db)
        .await?;
    Ok(hosts.into_iter().map(HostId::bit).collect())
}

/// The hosts of a campaign by how they answered.
///
/// # Errors
/// When the database fails.
pub async fn hosts_by_outcome<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaign: CampaignId,
    outcome: OutcomeFilter,
) -> Result<RoaringBitmap, StoreError> {
    let hosts: Vec<HostId> = Entity::find()
        .select_only()
        .column(Column::HostId)
        .filter(Column::CampaignId.eq(campaign))
        .filter(scoped(Column::TeamId, scope))
        .filter(outcome.condition())
        .into_tuple()
        .all(db)
        .await?;
    Ok(hosts.into_iter().map(HostId::bit).collect())
}

/// Which answers are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// With rows, perhaps none.
    Succeeded,
    /// With an error.
    Failed,
    /// Either.
    Any,
}

impl OutcomeFilter {
    fn condition(self) -> Condition {
        match self {
            Self::Succeeded => Condition::all().add(Column::ErrorCode.is_null()),
            Self::Failed => Condition::all().add(Column::ErrorCode.is_not_null()),
            Self::Any => Condition::all(),
        }
    }
}

/// A page of a campaign's answers in the order of their hosts; `search` is a prefix of the host name.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaign: CampaignId,
    outcome: OutcomeFilter,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<AnswerRow>, StoreError> {
    let mut select = Entity::find()
        .filter(Column::CampaignId.eq(campaign))
        .filter(scoped(Column::TeamId, scope))
        .filter(outcome.condition());
    if let Some(search) = search {
        select = select.filter(text::starts_with(Column::Hostname, search));
    }
    if let Some(after) = &page.after {
        select = select.filter(Column::HostId.gt(HostId(after.id)));
    }
    let rows = select.order_by_asc(Column::HostId).limit(page.limit + 1).all(db).await?;
    Ok(Page::of(rows, page, |row| Key { sort: None, id: row.host_id.0 }))
}

/// The answers of some hosts in a campaign.
///
/// # Errors
/// When the database fails.
pub async fn of_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaign: CampaignId,
    hosts: &[HostId],
) -> Result<Vec<AnswerRow>, StoreError> {
    Ok(Entity::find()
        .filter(Column::CampaignId.eq(campaign))
        .filter(Column::HostId.is_in(hosts.iter().copied()))
        .filter(scoped(Column::TeamId, scope))
        .all(db)
        .await?)
}

/// The inside id of a host that answered a campaign, also when the host was deleted since.
///
/// # Errors
/// When the database fails.
pub async fn host_of<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaign: CampaignId,
    host: &PublicId,
) -> Result<Option<HostId>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::HostId)
        .filter(Column::CampaignId.eq(campaign))
        .filter(Column::HostPublicId.eq(host.clone()))
        .filter(scoped(Column::TeamId, scope))
        .into_tuple()
        .one(db)
        .await?)
}

/// A page of a host's answers, newest campaign first.
///
/// # Errors
/// When the database fails.
pub async fn page_of_host<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    host: HostId,
    page: &PageRequest,
) -> Result<Page<AnswerRow>, StoreError> {
    let mut select = Entity::find().filter(Column::HostId.eq(host)).filter(scoped(Column::TeamId, scope));
    if let Some(after) = &page.after {
        select = select.filter(Column::CampaignId.lt(CampaignId(after.id)));
    }
    let rows = select.order_by_desc(Column::CampaignId).limit(page.limit + 1).all(db).await?;
    Ok(Page::of(rows, page, |row| Key { sort: None, id: row.campaign_id.0 }))
}
