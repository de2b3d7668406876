//! Table `campaign_events`: what happened in a campaign, in order.

pub use entity::campaign_events::Model as EventRow;
use entity::campaign_events::{Column, Entity};
use entity::id::{CampaignId, HostId};
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
};

use super::{StoreError, page, scoped};
use crate::policy::Scope;

/// Rows of one statement: 7 binds each, under the limit of 32,766.
const CHUNK_ROWS: usize = 2_000;

/// Bytes of bodies of one statement.
const CHUNK_BYTES: usize = 4 << 20;

/// Which events of a campaign are wanted: those after one position, up to another.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The campaign.
    pub campaign: CampaignId,
    /// Only after this position; 0 for all.
    pub after: i64,
    /// Not beyond this position.
    pub up_to: i64,
    /// Only of this host.
    pub host: Option<HostId>,
    /// Events at most.
    pub limit: u64,
    /// Bytes of bodies at most; one event is always read.
    pub max_bytes: usize,
}

/// Events in order, and how far they were read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The events in scope.
    pub events: Vec<EventRow>,
    /// Everything in scope up to this position was read.
    pub read_to: i64,
}

/// Stores events; the campaign's row lock is held.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, events: Vec<EventRow>) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for event in events {
        bytes += event.body.len();
        rows.push(event.into_active_model().reset_all());
        if rows.len() == CHUNK_ROWS || bytes >= CHUNK_BYTES {
            Entity::insert_many(std::mem::take(&mut rows)).exec_without_returning(tx).await?;
            bytes = 0;
        }
    }
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Reads events of a span in order, as many as its limits allow.
///
/// # Errors
/// When the database fails.
pub async fn read<C: ConnectionTrait>(db: &C, scope: &Scope, span: Span) -> Result<Read, StoreError> {
    let sizes: Vec<(i64, i32)> = sizes(scope, span).into_tuple().all(db).await?;
    let Some(last) = last_within(&sizes, span.max_bytes) else {
        return Ok(Read { events: Vec::new(), read_to: span.up_to });
    };
    let events = wanted(scope, Span { up_to: last, ..span }).all(db).await?;
    Ok(Read { events, read_to: read_to(span, &sizes, last) })
}

/// As [`read`], of several spans at once.
///
/// # Errors
/// When the database fails.
pub async fn read_each<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    spans: &[Span],
) -> Result<Vec<Read>, StoreError> {
    let selects = spans.iter().map(|span| sizes(scope, *span).into_query()).collect();
    let size = |row: &QueryResult| Ok((row.try_get("", "position")?, row.try_get("", "length")?));
    let sizes: Vec<Vec<(i64, i32)>> = page::each(db, selects, size).await?;
    let lasts = spans.iter().zip(&sizes).map(|(span, sizes)| last_within(sizes, span.max_bytes));
    let within = |(span, last): (&Span, Option<i64>)| Span { up_to: last.unwrap_or(span.after), ..*span };
    let within: Vec<Span> = spans.iter().zip(lasts).map(within).collect();
    let selects = within.iter().map(|span| wanted(scope, *span).limit(span.limit).into_query()).collect();
    let events = page::each(db, selects, |row| EventRow::from_query_result(row, "")).await?;
    let mut read = Vec::with_capacity(spans.len());
    for (((span, within), sizes), events) in spans.iter().zip(&within).zip(&sizes).zip(events) {
        let read_to = if events.is_empty() { span.up_to } else { read_to(*span, sizes, within.up_to) };
        read.push(Read { events, read_to });
    }
    Ok(read)
}

/// The positions of a span, and how large their events are.
fn sizes(scope: &Scope, span: Span) -> sea_orm::Select<Entity> {
    let length = Func::cust("length").arg(Expr::col(Column::Body));
    let sizes = wanted(scope, span).select_only().column(Column::Position).expr_as(length, "length");
    sizes.limit(span.limit)
}

/// How far a span was read, when the last event that was taken is at `last`.
fn read_to(span: Span, sizes: &[(i64, i32)], last: i64) -> i64 {
    let all = sizes.last().is_some_and(|(position, _)| *position == last)
        && sizes.len() < usize::try_from(span.limit).unwrap_or(usize::MAX);
    if all { span.up_to } else { last }
}

/// The smallest position that is still there; none when the campaign has no events.
///
/// # Errors
/// When the database fails.
pub async fn first_position<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    campaign: CampaignId,
) -> Result<Option<i64>, StoreError> {
    let first = Entity::find().select_only().column(Column::Position).filter(Column::CampaignId.eq(campaign));
    Ok(first.order_by_asc(Column::Position).limit(1).into_tuple().one(db).await?)
}

/// Deletes the events of a campaign below a position: retention, and nothing else.
///
/// # Errors
/// When the database fails.
pub async fn delete_to(
    tx: &DatabaseTransaction,
    campaign: CampaignId,
    position: i64,
) -> Result<(), StoreError> {
    let old = Entity::delete_many().filter(Column::CampaignId.eq(campaign));
    old.filter(Column::Position.lt(position)).exec(tx).await?;
    Ok(())
}

fn wanted(scope: &Scope, span: Span) -> sea_orm::Select<Entity> {
    let visible = Condition::any().add(Column::TeamId.is_null()).add(scoped(Column::TeamId, scope));
    let mut select = Entity::find()
        .filter(Column::CampaignId.eq(span.campaign))
        .filter(Column::Position.gt(span.after))
        .filter(Column::Position.lte(span.up_to))
        .filter(visible)
        .order_by_asc(Column::Position);
    if let Some(host) = span.host {
        select = select.filter(Column::HostId.eq(host));
    }
    select
}

/// The last position whose body still fits into `max_bytes`; the first one always does.
fn last_within(sizes: &[(i64, i32)], max_bytes: usize) -> Option<i64> {
    let mut bytes = 0;
    let fitting = sizes.iter().take_while(|(_, size)| {
        let first = bytes == 0;
        bytes += usize::try_from(*size).unwrap_or_default();
        first || bytes <= max_bytes
    });
    fitting.last().map(|(position, _)| *position)
}
