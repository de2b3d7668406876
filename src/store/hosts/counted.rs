//! How many hosts there are of a kind, and which.

use std::collections::HashMap;

use entity::hosts::{Column, Entity};
use entity::id::{HostId, TeamId};
use roaring::RoaringBitmap;
use sea_orm::sea_query::{CaseStatement, Expr, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, PaginatorTrait, QueryFilter, QuerySelect, Select};

use super::{Freshness, HostSelection, HostStatus, ResolvedHostFilter, filter, visible};
use crate::policy::Scope;
use crate::store::{StoreError, page, text};

/// How many hosts match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ResolvedHostFilter,
) -> Result<u64, StoreError> {
    Ok(visible(scope).filter(filter.condition()).count(db).await?)
}

/// How many hosts of each team match, as [`pages_of_teams`](super::pages_of_teams) has them; a team without is left out.
///
/// # Errors
/// When the database fails.
pub async fn count_of_teams<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    teams: &[TeamId],
    filter: &ResolvedHostFilter,
) -> Result<HashMap<TeamId, u64>, StoreError> {
    let filter = ResolvedHostFilter { teams: None, ..filter.clone() };
    page::counts(db, teams, (visible(scope).filter(filter.condition()), Column::TeamId)).await
}

/// How many hosts there are that are online, offline and missing, by their stored times.
///
/// # Errors
/// When the database fails.
pub async fn count_by_status<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    at: &Freshness,
) -> Result<[u64; 3], StoreError> {
    let mut counts = [0; 3];
    for (status, count) in
        [HostStatus::Online, HostStatus::Offline, HostStatus::Missing].into_iter().zip(&mut counts)
    {
        *count = visible(scope).filter(at.having(status)).count(db).await?;
    }
    Ok(counts)
}

/// How many hosts a selection has, and how many of them are online, by their stored times.
///
/// # Errors
/// When the database fails.
pub async fn count_online<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    selection: HostSelection<'_>,
    at: &Freshness,
) -> Result<(u64, u64), StoreError> {
    let online: Expr = CaseStatement::new().case(at.online(), 1).into();
    let mut total = (0, 0);
    for condition in selection.conditions() {
        let counted: Option<(i64, i64)> = visible(scope)
            .filter(condition)
            .select_only()
            .expr(Func::count(Expr::col(Column::Id.as_column_ref())))
            .expr(Func::count(online.clone()))
            .into_tuple()
            .one(db)
            .await?;
        let (hosts, online) = counted.unwrap_or_default();
        total.0 += hosts.unsigned_abs();
        total.1 += online.unsigned_abs();
    }
    Ok(total)
}

/// Which of these hosts are online, by their stored times.
///
/// # Errors
/// When the database fails.
pub async fn online_among<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &RoaringBitmap,
    at: &Freshness,
) -> Result<RoaringBitmap, StoreError> {
    let mut online = visible(scope).filter(at.online());
    if hosts.len() <= filter::LIST as u64 {
        online = online.filter(Column::Id.is_in(hosts.iter().map(|bit| HostId(i64::from(bit)))));
    }
    Ok(bits(db, online).await? & hosts)
}

/// The hosts whose name begins with `prefix`, ASCII letters in any case.
///
/// # Errors
/// When the database fails.
pub async fn name_starts_with<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    prefix: &str,
) -> Result<RoaringBitmap, StoreError> {
    bits(db, visible(scope).filter(text::starts_with(Column::Hostname, prefix))).await
}

async fn bits<C: ConnectionTrait>(db: &C, hosts: Select<Entity>) -> Result<RoaringBitmap, StoreError> {
    let ids: Vec<HostId> = hosts.select_only().column(Column::Id).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(HostId::bit).collect())
}
