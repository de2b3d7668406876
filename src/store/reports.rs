//! Table `reports`.

mod states;

use std::collections::{BTreeSet, HashMap};

use entity::hosts;
use entity::id::{HostId, ReportId, SavedQueryId};
use entity::reports::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, QueryTrait, Select,
};

pub use states::{Audience, ReportState, hosts_by_state};

use super::hosts::ResolvedHostFilter;
use super::page::{self, Key, Page, PageRequest};
use super::{StoreError, scoped};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Locks the reports of a host and answers them.
///
/// # Errors
/// When the database fails.
pub async fn lock_of_host(
    tx: &DatabaseTransaction,
    scope: &Scope,
    host: HostId,
    names: &[String],
) -> Result<Vec<Model>, StoreError> {
    let wanted = visible(scope)
        .filter(Column::HostId.eq(host))
        .filter(Column::Name.is_in(names.iter().map(String::as_str)));
    Ok(wanted.lock_exclusive().all(tx).await?)
}

/// Writes a report, in place of the one of the same host and name.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &DatabaseTransaction, report: ActiveModel) -> Result<(), StoreError> {
    let replace = OnConflict::columns([Column::HostId, Column::Name])
        .update_columns([
            Column::SavedQueryId,
            Column::Epoch,
            Column::Counter,
            Column::BaselineAt,
            Column::LoggedAt,
            Column::IsComplete,
            Column::Rows,
            Column::RowCount,
            Column::Dropped,
            Column::ReceivedAt,
        ])
        .to_owned();
    Entity::insert(report).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// A page of the reports of each query or host, of hosts in scope, by id.
///
/// # Errors
/// When the database fails.
pub async fn pages<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    whose: &[Of],
    request: &PageRequest,
) -> Result<HashMap<Of, Page<Model>>, StoreError> {
    let own = |of: Of| request.by_id(visible(scope).filter(of.condition()), Column::Id);
    page::pages(db, whose, request, own, |row| Key::by_id(row.id.0)).await
}

/// Whose reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// Of a saved query.
    Query(SavedQueryId),
    /// Of a host.
    Host(HostId),
    /// One.
    One(ReportId),
}

impl Of {
    fn condition(self) -> Expr {
        match self {
            Self::Query(query) => Column::SavedQueryId.eq(query),
            Self::Host(host) => Column::HostId.eq(host),
            Self::One(report) => Column::Id.eq(report),
        }
    }
}

/// A report without its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Inside id.
    pub id: ReportId,
    /// The host.
    pub host_id: HostId,
    /// The name under which the agent logs the query.
    pub name: String,
    /// There are rows, kept or not.
    pub has_rows: bool,
}

/// The reports of each of these without their rows, of hosts in scope; of some hosts, where they are given.
///
/// # Errors
/// When the database fails.
pub async fn heads<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    whose: &[(Of, Option<Vec<HostId>>)],
) -> Result<Vec<Vec<Head>>, StoreError> {
    let select = |(of, hosts): &(Of, Option<Vec<HostId>>)| {
        let hosts = hosts.as_ref().map(|hosts| Column::HostId.is_in(hosts.iter().copied()));
        let wanted = visible(scope).filter(of.condition()).filter(Condition::all().add_option(hosts));
        let wanted = wanted.select_only().columns([Column::Id, Column::HostId, Column::Name]);
        wanted.columns([Column::RowCount, Column::Dropped]).into_query()
    };
    let head = |row: &QueryResult| -> Result<Head, DbErr> {
        let (rows, dropped): (i64, i64) = (row.try_get("", "row_count")?, row.try_get("", "dropped")?);
        Ok(Head {
            id: row.try_get("", "id")?,
            host_id: row.try_get("", "host_id")?,
            name: row.try_get("", "name")?,
            has_rows: rows + dropped > 0,
        })
    };
    page::each(db, whose.iter().map(select).collect(), head).await
}

/// Reports by inside id, of hosts in scope.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[ReportId],
) -> Result<Vec<Model>, StoreError> {
    let wanted = visible(scope).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(wanted.order_by_asc(Column::Id).all(db).await?)
}

/// How many bytes of rows reports of hosts in scope have, by id: those behind `after`, so many at most; of hosts that
/// meet a filter, where one is given.
///
/// # Errors
/// When the database fails.
pub async fn sizes<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    (of, hosts): (Of, Option<&ResolvedHostFilter>),
    (after, limit): (ReportId, u64),
) -> Result<Vec<(ReportId, i64)>, StoreError> {
    let wanted = chosen(scope, of, hosts).filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(limit);
    let wanted = wanted.select_only().column(Column::Id).column_as(Expr::cust(BYTES), "bytes");
    Ok(wanted.into_tuple().all(db).await?)
}

/// Bytes of the rows of a report.
const BYTES: &str = "CAST(length(\"reports\".\"rows\") AS bigint)";

/// How many reports of hosts in scope there are, and how many bytes of rows they have; of hosts that meet a filter, where
/// one is given.
///
/// # Errors
/// When the database fails.
pub async fn total<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    (of, hosts): (Of, Option<&ResolvedHostFilter>),
) -> Result<i64, StoreError> {
    let sum = Expr::cust(format!("CAST(coalesce(sum({BYTES}), 0) AS bigint)"));
    let wanted = chosen(scope, of, hosts).select_only().column_as(sum, "bytes");
    let bytes: Option<i64> = wanted.into_tuple().one(db).await?;
    Ok(bytes.unwrap_or_default())
}

/// The newest report of hosts in scope, 0 for none.
///
/// # Errors
/// When the database fails.
pub async fn newest<C: ConnectionTrait>(db: &C, scope: &Scope, of: Of) -> Result<ReportId, StoreError> {
    let wanted = visible(scope).filter(of.condition()).order_by_desc(Column::Id).limit(1);
    let id: Option<ReportId> = wanted.select_only().column(Column::Id).into_tuple().one(db).await?;
    Ok(id.unwrap_or_default())
}

fn chosen(scope: &Scope, of: Of, hosts: Option<&ResolvedHostFilter>) -> Select<Entity> {
    let met = hosts.map(|filter| Column::HostId.in_subquery(filter.ids()));
    visible(scope).filter(of.condition()).filter(Condition::all().add_option(met))
}

/// The queries that have a report of each host.
///
/// # Errors
/// When the database fails.
pub async fn reported<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &[HostId],
) -> Result<HashMap<HostId, BTreeSet<SavedQueryId>>, StoreError> {
    let known = visible(scope)
        .filter(Column::HostId.is_in(hosts.iter().copied()))
        .filter(Column::SavedQueryId.is_not_null())
        .select_only()
        .columns([Column::HostId, Column::SavedQueryId]);
    let mut reported = HashMap::<_, BTreeSet<SavedQueryId>>::new();
    for (host, query) in known.into_tuple::<(HostId, SavedQueryId)>().all(db).await? {
        reported.entry(host).or_default().insert(query);
    }
    Ok(reported)
}

/// Deletes reports of which no line came since `time`, so many at most; answers how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_before(tx: &DatabaseTransaction, time: Timestamp, slice: u64) -> Result<u64, StoreError> {
    let old = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::ReceivedAt.lt(time))
        .limit(slice)
        .take();
    Ok(Entity::delete_many().filter(Column::Id.in_subquery(old)).exec(tx).await?.rows_affected)
}

fn visible(scope: &Scope) -> Select<Entity> {
    let hosts = Query::select()
        .column(hosts::Column::Id)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .take();
    Entity::find().filter(Column::HostId.in_subquery(hosts))
}
