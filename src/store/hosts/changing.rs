//! Hosts that something is about to be done to: chosen by a filter, turned online or offline, or expired.

use entity::hosts::{Column, Entity, Model};
use entity::id::{HostId, TeamId};
use entity::kind::HostStatus;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{Freshness, HostSelection, ResolvedHostFilter, visible};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::{StoreError, text};

/// Which of the hosts that meet a filter something is still to be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All of them.
    Every,
    /// Those that are not in this team.
    OutsideOf(TeamId),
    /// Those of which nobody waits for vitals already.
    NotAwaited,
}

/// Some hosts that meet a filter, by id, at most `limit`, and how many there are in all.
///
/// # Errors
/// When the database fails.
pub async fn some_of(
    tx: &DatabaseTransaction,
    scope: &Scope,
    filter: &ResolvedHostFilter,
    choice: Choice,
    limit: u64,
) -> Result<(Vec<Model>, u64), StoreError> {
    let left = match choice {
        Choice::Every => Condition::all(),
        Choice::OutsideOf(team) => Condition::all().add(Column::TeamId.ne(team)),
        Choice::NotAwaited => Condition::all().add(is_awaited().not()),
    };
    let matching = || visible(scope).filter(filter.condition()).filter(left.clone());
    let all = matching().count(tx).await?;
    Ok((matching().order_by_asc(Column::Id).limit(limit).all(tx).await?, all))
}

/// Whether somebody wanted everything anew, and the host has not answered since. Never null.
fn is_awaited() -> Condition {
    let refetch = || Expr::col(Column::RefetchAt.as_column_ref());
    let unanswered = Condition::any()
        .add(Column::VitalsAt.is_null())
        .add(refetch().gt(Expr::col(Column::VitalsAt.as_column_ref())));
    Condition::all().add(Column::RefetchAt.is_not_null()).add(unanswered)
}

/// The hosts among these that are visible and meet a filter.
///
/// # Errors
/// When the database fails.
pub async fn find_among<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[HostId],
    filter: &ResolvedHostFilter,
) -> Result<Vec<Model>, StoreError> {
    let among = visible(scope).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(among.filter(filter.condition()).all(db).await?)
}

/// The hosts in scope that have one of these names, at most 1,000 of them, as host name, identifier, serial or hardware
/// UUID, in any case.
///
/// # Errors
/// When the database fails.
pub async fn named(
    tx: &DatabaseTransaction,
    scope: &Scope,
    names: &[String],
) -> Result<Vec<Model>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let columns = [Column::Hostname, Column::HostIdentifier, Column::SerialNumber, Column::HardwareUuid];
    let any = columns.into_iter().fold(Condition::any(), |any, column| any.add(text::any_of(column, names)));
    Ok(visible(scope).filter(any).order_by_asc(Column::Id).all(tx).await?)
}

/// Notes that everything is wanted anew of hosts.
///
/// # Errors
/// When the database fails.
pub async fn want_refetch(
    tx: &DatabaseTransaction,
    ids: &[HostId],
    now: Timestamp,
) -> Result<(), StoreError> {
    for condition in HostSelection::Ids(ids).conditions() {
        let wanted = Entity::update_many().col_expr(Column::RefetchAt, Expr::val(now));
        wanted.filter(condition).exec(tx).await?;
    }
    Ok(())
}

/// Ids of hosts whose state is another one than was last told, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn stale_statuses<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    at: &Freshness,
    limit: u64,
) -> Result<Vec<HostId>, StoreError> {
    let stale = HostStatus::ALL.iter().fold(Condition::any(), |any, status| {
        any.add(Condition::all().add(Column::Status.eq(*status)).add(at.having(*status).not()))
    });
    let ids = visible(scope).filter(stale).select_only().column(Column::Id).order_by_asc(Column::Id);
    Ok(ids.limit(limit).into_tuple().all(db).await?)
}

/// Notes that a state was told of hosts.
///
/// # Errors
/// When the database fails.
pub async fn write_status(
    tx: &DatabaseTransaction,
    ids: &[HostId],
    status: HostStatus,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let told = Entity::update_many().col_expr(Column::Status, Expr::val(status.as_str()));
    told.filter(Column::Id.is_in(ids.iter().copied())).exec(tx).await?;
    Ok(())
}

/// Hosts of a team that were not seen since `before`, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn expired(
    tx: &DatabaseTransaction,
    scope: &Scope,
    team: TeamId,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let old = visible(scope).filter(Column::TeamId.eq(team)).filter(Column::LastSeenAt.lt(before));
    Ok(old.order_by_asc(Column::Id).limit(limit).all(tx).await?)
}
