//! Table `query_costs`: what queries cost that are asked from here.

use entity::hosts;
use entity::id::HostId;
use entity::kind::AskedKind;
use entity::query_costs::{Column, Entity, Model};
use sea_orm::sea_query::{Query, Values};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Statement, Value,
};

use super::{StoreError, page, scoped};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Rows in one statement at most: each has nine values.
pub const BATCH: usize = 1_000;

/// Columns of a row.
const WIDTH: usize = 9;

/// Adds to what queries cost, at most [`BATCH`] of them, each once. What is of hosts that are gone is left out.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &DatabaseTransaction, costs: &[Model]) -> Result<(), StoreError> {
    if costs.is_empty() {
        return Ok(());
    }
    let row = |row: usize| {
        let places: Vec<String> = (1..=WIDTH).map(|column| format!("${}", row * WIDTH + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..costs.len()).map(row).collect();
    let columns: Vec<String> = (1..=WIDTH).map(|column| format!("told.column{column}")).collect();
    let sum = |column: &str| format!("{column} = query_costs.{column} + excluded.{column}");
    let sums: Vec<String> = ["executions", "wall_time_ms", "user_time_ms", "system_time_ms", "memory_bytes"]
        .into_iter()
        .map(sum)
        .collect();
    // An id or key of ours stands in quotes nowhere: all are values.
    let sql = format!(
        "INSERT INTO query_costs (host_id, kind, key, executions, wall_time_ms, user_time_ms, system_time_ms, \
         memory_bytes, last_executed_at) SELECT {} FROM (VALUES {}) AS told \
         JOIN hosts ON hosts.id = told.column1 WHERE true \
         ON CONFLICT (host_id, kind, key) DO UPDATE SET {}, last_executed_at = excluded.last_executed_at",
        columns.join(", "),
        rows.join(", "),
        sums.join(", ")
    );
    let values: Vec<Value> = costs.iter().flat_map(values).collect();
    let statement = Statement { sql, values: Some(Values(values)), db_backend: tx.get_database_backend() };
    tx.execute_raw(statement).await?;
    Ok(())
}

fn values(of: &Model) -> [Value; WIDTH] {
    [
        of.host_id.0.into(),
        of.kind.as_str().into(),
        of.key.clone().into(),
        of.executions.into(),
        of.wall_time_ms.into(),
        of.user_time_ms.into(),
        of.system_time_ms.into(),
        of.memory_bytes.into(),
        of.last_executed_at.0.into(),
    ]
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// Those of a host.
    Host(HostId),
    /// Those of a query, by its kind and key.
    Key(AskedKind, &'a str),
}

/// The rows of each that took most time, of hosts in scope.
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
    let wanted = match of {
        Of::Host(host) => Condition::all().add(Column::HostId.eq(host)),
        Of::Key(kind, key) => Condition::all().add(Column::Kind.eq(kind)).add(Column::Key.eq(key)),
    };
    let seen = Query::select()
        .column(hosts::Column::Id)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .take();
    Entity::find()
        .filter(wanted)
        .filter(Column::HostId.in_subquery(seen))
        .order_by_desc(Column::WallTimeMs)
        .order_by_asc(Column::HostId)
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Key)
        .limit(limit)
}

/// Deletes what did not run since `time`, so many rows at most; answers how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_before(tx: &DatabaseTransaction, time: Timestamp) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::LastExecutedAt.lt(time)).exec(tx).await?.rows_affected)
}
