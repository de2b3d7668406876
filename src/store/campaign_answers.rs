//! Table `campaign_answers`: one row a host that answered, or can answer no more.

use std::collections::{HashMap, HashSet};

pub use entity::campaign_answers::Model as AnswerRow;
use entity::campaign_answers::{Column, Entity};
use entity::id::{CampaignId, HostId, PublicId};
use roaring::RoaringBitmap;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait, Select,
};

use super::page::{self, Key, Page, PageRequest};
use super::{StoreError, scoped, text};
use crate::policy::Scope;

/// Hosts of campaigns that are read at once.
const SLICE: u64 = 100_000;

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

/// The hosts of campaigns that answered like this.
///
/// # Errors
/// When the database fails.
pub async fn hosts_by_outcome<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaigns: &[CampaignId],
    outcome: OutcomeFilter,
) -> Result<HashMap<CampaignId, RoaringBitmap>, StoreError> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::CampaignId, Column::HostId])
        .filter(Column::CampaignId.is_in(campaigns.iter().copied()))
        .filter(scoped(Column::TeamId, scope))
        .filter(outcome.condition())
        .order_by_asc(Column::CampaignId)
        .order_by_asc(Column::HostId)
        .limit(SLICE);
    let mut hosts = HashMap::<_, RoaringBitmap>::new();
    let mut after = None;
    // There may be millions, so they become bits slice by slice.
    loop {
        let slice = after.into_iter().fold(rows.clone(), |rows, last| rows.filter(beyond(last)));
        let slice: Vec<(CampaignId, HostId)> = slice.into_tuple().all(db).await?;
        for (campaign, host) in &slice {
            hosts.entry(*campaign).or_default().insert(host.bit());
        }
        after = slice.last().copied();
        if (slice.len() as u64) < SLICE {
            return Ok(hosts);
        }
    }
}

/// What comes after an answer, in the order of the key.
fn beyond((campaign, host): (CampaignId, HostId)) -> Expr {
    let key = [Column::CampaignId, Column::HostId].map(|column| Expr::col(column.as_column_ref()));
    Expr::tuple(key).gt(Expr::tuple([Expr::val(campaign), Expr::val(host)]))
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

/// A page of the answers of each campaign in the order of their hosts; `search` is a prefix of the host name.
///
/// # Errors
/// When the database fails.
pub async fn pages<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaigns: &[CampaignId],
    (outcome, search): (OutcomeFilter, Option<&str>),
    request: &PageRequest,
) -> Result<HashMap<CampaignId, Page<AnswerRow>>, StoreError> {
    let own = |campaign: CampaignId| {
        let own = of(scope, campaign).filter(outcome.condition()).filter(named(search));
        request.by_id(own, Column::HostId)
    };
    page::pages(db, campaigns, request, own, |row| Key::by_id(row.host_id.0)).await
}

/// How many answers of each campaign match, as [`pages`] has them; a campaign without is left out.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaigns: &[CampaignId],
    (outcome, search): (OutcomeFilter, Option<&str>),
) -> Result<HashMap<CampaignId, u64>, StoreError> {
    let matching = Entity::find().filter(scoped(Column::TeamId, scope));
    let matching = matching.filter(outcome.condition()).filter(named(search));
    page::counts(db, campaigns, (matching, Column::CampaignId)).await
}

/// Hosts of a campaign, in order.
pub type Asked = (CampaignId, Vec<HostId>);

/// Which of these hosts answered their campaigns, and whether each failed.
///
/// # Errors
/// When the database fails.
pub async fn outcomes<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    asked: &[Asked],
) -> Result<HashMap<(CampaignId, HostId), bool>, StoreError> {
    let between = |(campaign, hosts): &Asked| {
        let (first, last) = (hosts.first().copied(), hosts.last().copied());
        let range = Column::HostId.between(first.unwrap_or_default(), last.unwrap_or_default());
        let own = of(scope, *campaign).filter(range).select_only().column(Column::HostId);
        own.expr_as(Column::ErrorCode.is_not_null(), "failed").into_query()
    };
    let outcome = |row: &QueryResult| Ok((row.try_get("", "host_id")?, row.try_get("", "failed")?));
    let found: Vec<Vec<(HostId, bool)>> =
        page::each(db, asked.iter().map(between).collect(), outcome).await?;
    let all = asked.iter().zip(found).flat_map(|((campaign, _), hosts)| {
        hosts.into_iter().map(move |(host, failed)| ((*campaign, host), failed))
    });
    Ok(all.collect())
}

/// The answers of some hosts in each campaign.
///
/// # Errors
/// When the database fails.
pub async fn of_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    asked: &[Asked],
) -> Result<Vec<AnswerRow>, StoreError> {
    let asked = asked.iter().filter(|(_, hosts)| !hosts.is_empty());
    let own = |(campaign, hosts): &Asked| {
        of(scope, *campaign).filter(Column::HostId.is_in(hosts.iter().copied())).into_query()
    };
    let found = page::each(db, asked.map(own).collect(), |row| AnswerRow::from_query_result(row, "")).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The inside ids of hosts that answered campaigns, in the order in which they are asked for; also when a host was
/// deleted since.
///
/// # Errors
/// When the database fails.
pub async fn hosts_of<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    asked: &[(CampaignId, PublicId)],
) -> Result<Vec<Option<HostId>>, StoreError> {
    let own = |(campaign, host): &(CampaignId, PublicId)| {
        let answer = of(scope, *campaign).filter(Column::HostPublicId.eq(host.clone()));
        answer.select_only().column(Column::HostId).into_query()
    };
    let found = page::each(db, asked.iter().map(own).collect(), |row| row.try_get("", "host_id")).await?;
    Ok(found.into_iter().map(|hosts| hosts.first().copied()).collect())
}

fn of(scope: &Scope, campaign: CampaignId) -> Select<Entity> {
    Entity::find().filter(Column::CampaignId.eq(campaign)).filter(scoped(Column::TeamId, scope))
}

fn named(search: Option<&str>) -> Condition {
    Condition::all().add_option(search.map(|prefix| text::starts_with(Column::Hostname, prefix)))
}

/// A page of each host's answers, newest campaign first.
///
/// # Errors
/// When the database fails.
pub async fn pages_of_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &[HostId],
    request: &PageRequest,
) -> Result<HashMap<HostId, Page<AnswerRow>>, StoreError> {
    let of_host = |host| {
        let own = Entity::find().filter(Column::HostId.eq(host)).filter(scoped(Column::TeamId, scope));
        request.newest_first(own, Column::CampaignId)
    };
    page::pages(db, hosts, request, of_host, |row| Key::by_id(row.campaign_id.0)).await
}
