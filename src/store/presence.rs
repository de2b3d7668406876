//! Last-seen times of hosts, in batches.

use entity::hosts;
use entity::id::HostId;
use sea_orm::sea_query::{LockType, Values};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use super::StoreError;
use crate::clock::Timestamp;

/// Writes last-seen times, at most 1,000 in id order, in one statement; one that is older than the stored time
/// changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &DatabaseTransaction, seen: &[(HostId, Timestamp)]) -> Result<(), StoreError> {
    lock_in_id_order(tx, seen).await?;
    let rows: Vec<String> =
        (0..seen.len()).map(|row| format!("(${}, ${})", 2 * row + 1, 2 * row + 2)).collect();
    let sql = format!(
        "UPDATE hosts SET last_seen_at = seen.column2 FROM (VALUES {}) AS seen \
         WHERE hosts.id = seen.column1 AND hosts.last_seen_at < seen.column2",
        rows.join(", ")
    );
    let values = seen.iter().flat_map(|(host, at)| [host.0.into(), at.0.into()]).collect();
    let statement = Statement { sql, values: Some(Values(values)), db_backend: tx.get_database_backend() };
    tx.execute_raw(statement).await?;
    Ok(())
}

/// Where rows are locked one by one (not on SQLite), host rows are locked by id, as everywhere.
async fn lock_in_id_order(tx: &DatabaseTransaction, seen: &[(HostId, Timestamp)]) -> Result<(), StoreError> {
    hosts::Entity::find()
        .select_only()
        .column(hosts::Column::Id)
        .filter(hosts::Column::Id.is_in(seen.iter().map(|(host, _)| *host)))
        .order_by_asc(hosts::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<HostId>()
        .all(tx)
        .await?;
    Ok(())
}
