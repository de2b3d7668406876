//! Last-seen times of hosts, in batches.

use entity::hosts;
use entity::id::HostId;
use sea_orm::sea_query::{LockType, Values};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};

use super::StoreError;
use crate::clock::Timestamp;

/// When a host was last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// By anything.
    pub last: Timestamp,
    /// By a distributed read or write.
    pub check_in: Option<Timestamp>,
    /// By a fetch of its configuration.
    pub config: Option<Timestamp>,
    /// By log lines.
    pub log: Option<Timestamp>,
}

/// The columns of [`Seen`], in its order.
const COLUMNS: [&str; 4] = ["last_seen_at", "checked_in_at", "config_at", "logged_at"];

/// Writes last-seen times, at most 1,000 in id order, in one statement; one that is older than the stored time
/// changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &DatabaseTransaction, seen: &[(HostId, Seen)]) -> Result<(), StoreError> {
    lock_in_id_order(tx, seen.iter().map(|(host, _)| *host)).await?;
    let later = |(place, column): (usize, &str)| {
        let told = format!("seen.column{}", place + 2);
        format!(
            "{column} = CASE WHEN {told} > hosts.{column} OR hosts.{column} IS NULL THEN {told} \
             ELSE hosts.{column} END"
        )
    };
    let set: Vec<String> = COLUMNS.into_iter().enumerate().map(later).collect();
    let sql = format!(
        "UPDATE hosts SET {} FROM (VALUES {}) AS seen WHERE hosts.id = seen.column1",
        set.join(", "),
        places(seen.len(), COLUMNS.len() + 1)
    );
    let time = |at: Option<Timestamp>| Value::from(at.map(|at| at.0));
    let values = seen.iter().flat_map(|(host, seen)| {
        [host.0.into(), seen.last.0.into(), time(seen.check_in), time(seen.config), time(seen.log)]
    });
    execute(tx, sql, values.collect()).await
}

/// Writes since when hosts take queries and answer none, at most 1,000 in id order, in one statement.
///
/// # Errors
/// When the database fails.
pub async fn write_unanswered(
    tx: &DatabaseTransaction,
    hosts: &[(HostId, Option<Timestamp>)],
) -> Result<(), StoreError> {
    lock_in_id_order(tx, hosts.iter().map(|(host, _)| *host)).await?;
    let sql = format!(
        "UPDATE hosts SET unanswered_since = told.column2 FROM (VALUES {}) AS told \
         WHERE hosts.id = told.column1",
        places(hosts.len(), 2)
    );
    let values = hosts.iter().flat_map(|(host, since)| [host.0.into(), since.map(|since| since.0).into()]);
    execute(tx, sql, values.collect()).await
}

/// Writes how many seconds are between the check-ins of hosts, at most 1,000 in id order, in one statement; what is so
/// already stays untouched.
///
/// # Errors
/// When the database fails.
pub async fn write_intervals(tx: &DatabaseTransaction, hosts: &[(HostId, i32)]) -> Result<(), StoreError> {
    lock_in_id_order(tx, hosts.iter().map(|(host, _)| *host)).await?;
    let sql = format!(
        "UPDATE hosts SET check_in_interval_s = told.column2 FROM (VALUES {}) AS told \
         WHERE hosts.id = told.column1 AND hosts.check_in_interval_s <> told.column2",
        places(hosts.len(), 2)
    );
    let values = hosts.iter().flat_map(|(host, seconds)| [host.0.into(), (*seconds).into()]);
    execute(tx, sql, values.collect()).await
}

/// Places of the values of so many rows of so many columns.
fn places(rows: usize, width: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

async fn execute(tx: &DatabaseTransaction, sql: String, values: Vec<Value>) -> Result<(), StoreError> {
    let statement = Statement { sql, values: Some(Values(values)), db_backend: tx.get_database_backend() };
    tx.execute_raw(statement).await?;
    Ok(())
}

/// Where rows are locked one by one (not on SQLite), host rows are locked by id, as everywhere.
async fn lock_in_id_order(
    tx: &DatabaseTransaction,
    hosts: impl Iterator<Item = HostId>,
) -> Result<(), StoreError> {
    hosts::Entity::find()
        .select_only()
        .column(hosts::Column::Id)
        .filter(hosts::Column::Id.is_in(hosts))
        .order_by_asc(hosts::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<HostId>()
        .all(tx)
        .await?;
    Ok(())
}
