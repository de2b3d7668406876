//! Table `host_schedule`: how the queries of hosts' schedules fare.

use std::collections::{BTreeMap, HashMap};

use entity::host_schedule::{ActiveModel, Column, Entity, Model};
use entity::hosts;
use entity::id::{HostId, TeamId};
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use super::{StoreError, page, scoped};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Rows in one statement at most: each has a dozen values, and SQLite takes 32,766 in all.
const BATCH: usize = 2_000;

/// Puts what hosts tell of their schedules in the place of what they told before. A query that was denylisted before is
/// so since then.
///
/// # Errors
/// When the database fails.
pub async fn replace(tx: &DatabaseTransaction, told: Vec<(HostId, Vec<Model>)>) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    // Of two reports of one host the later stays.
    let told: BTreeMap<HostId, Vec<Model>> = told.into_iter().collect();
    let hosts = Column::HostId.is_in(told.keys().copied());
    let since = denylisted(tx, &told).await?;
    Entity::delete_many().filter(hosts).exec(tx).await?;
    let mut rows: Vec<Model> = told.into_values().flatten().collect();
    for row in rows.iter_mut().filter(|row| row.is_denylisted) {
        let known = since.get(&(row.host_id, row.name.clone()));
        row.denylisted_since = known.copied().or(row.denylisted_since);
    }
    let rows: Vec<ActiveModel> = rows.into_iter().map(IntoActiveModel::into_active_model).collect();
    for batch in rows.chunks(BATCH) {
        Entity::insert_many(batch.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Since when queries are denylisted that are told to be so again.
async fn denylisted(
    tx: &DatabaseTransaction,
    told: &BTreeMap<HostId, Vec<Model>>,
) -> Result<HashMap<(HostId, String), Timestamp>, StoreError> {
    let concerned = told.iter().filter(|(_, rows)| rows.iter().any(|row| row.is_denylisted));
    let hosts: Vec<HostId> = concerned.map(|(host, _)| *host).collect();
    if hosts.is_empty() {
        return Ok(HashMap::new());
    }
    let known =
        Entity::find().filter(Column::HostId.is_in(hosts)).filter(Column::DenylistedSince.is_not_null());
    let known = known.all(tx).await?;
    Ok(known.into_iter().filter_map(|row| Some(((row.host_id, row.name), row.denylisted_since?))).collect())
}

/// Which of these queries are denylisted on hosts in scope, by host and name, and since when.
///
/// # Errors
/// When the database fails.
pub async fn refused<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &[HostId],
    names: &[String],
) -> Result<HashMap<(HostId, String), Timestamp>, StoreError> {
    let seen = Query::select()
        .column(hosts::Column::Id)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .and_where(hosts::Column::Id.is_in(hosts.iter().copied()))
        .take();
    let mut refused = HashMap::new();
    for names in names.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::HostId.in_subquery(seen.clone()))
            .filter(Column::Name.is_in(names.iter().map(String::as_str)))
            .filter(Column::DenylistedSince.is_not_null());
        let since = |row: Model| Some(((row.host_id, row.name), row.denylisted_since?));
        refused.extend(rows.all(db).await?.into_iter().filter_map(since));
    }
    Ok(refused)
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// Those of a host.
    Host(HostId),
    /// Those of a name in schedules, on hosts of a team, if it is for one.
    Name(&'a str, Option<TeamId>),
}

/// The worst rows of each, of hosts in scope: what osquery refuses to run, then what took most time.
///
/// # Errors
/// When the database fails.
pub async fn worst<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    whose: &[Of<'_>],
    limit: u64,
) -> Result<Vec<Vec<Model>>, StoreError> {
    let selects = whose.iter().map(|of| worst_of(scope, *of, limit).into_query()).collect();
    page::each(db, selects, |row| Model::from_query_result(row, "")).await
}

fn worst_of(scope: &Scope, of: Of<'_>, limit: u64) -> Select<Entity> {
    let (wanted, team) = match of {
        Of::Host(host) => (Column::HostId.eq(host), None),
        Of::Name(name, team) => (Column::Name.eq(name), team),
    };
    let seen = Condition::all()
        .add(scoped(hosts::Column::TeamId, scope))
        .add_option(team.map(|team| hosts::Column::TeamId.eq(team)));
    let seen = Query::select().column(hosts::Column::Id).from(hosts::Entity).cond_where(seen).take();
    Entity::find()
        .filter(wanted)
        .filter(Column::HostId.in_subquery(seen))
        .order_by_desc(Column::IsDenylisted)
        .order_by_desc(Column::WallTimeMs)
        .order_by_asc(Column::HostId)
        .order_by_asc(Column::Name)
        .limit(limit)
}
