//! What enrollment reads and writes of table `hosts`.

use entity::hosts;
use entity::id::HostId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement,
};

use super::{StoreError, scoped};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Lets enrollments of one host identifier come one after another: two at once make one host. Taken before every
/// other lock; SQLite has one writer anyway.
///
/// # Errors
/// When the database fails.
pub async fn lock_identifier(tx: &DatabaseTransaction, identifier: &str) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        let statement =
            Statement::from_sql_and_values(DbBackend::Postgres, sql, [format!("enroll {identifier}").into()]);
        tx.execute_raw(statement).await?;
    }
    Ok(())
}

/// The hosts that call themselves so, by id, locked.
///
/// # Errors
/// When the database fails.
pub async fn hosts_of_identifier(
    tx: &DatabaseTransaction,
    scope: &Scope,
    identifier: &str,
) -> Result<Vec<hosts::Model>, StoreError> {
    let hosts = hosts::Entity::find()
        .filter(hosts::Column::HostIdentifier.eq(identifier))
        .filter(scoped(hosts::Column::TeamId, scope))
        .order_by_asc(hosts::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(hosts)
}

/// Adds a host and answers its id.
///
/// # Errors
/// When the database fails.
pub async fn insert_host(tx: &DatabaseTransaction, host: hosts::ActiveModel) -> Result<HostId, StoreError> {
    Ok(hosts::Entity::insert(host).exec(tx).await?.last_insert_id)
}

/// Changes the columns that are set.
///
/// # Errors
/// When the database fails.
pub async fn update_host(
    tx: &DatabaseTransaction,
    id: HostId,
    changed: hosts::ActiveModel,
) -> Result<(), StoreError> {
    hosts::Entity::update_many().set(changed).filter(hosts::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// From now on only its own installation of osquery enrolls as this host.
///
/// # Errors
/// When the database fails.
pub async fn pin(tx: &DatabaseTransaction, id: HostId) -> Result<(), StoreError> {
    let pinned = hosts::ActiveModel { is_pinned: Set(true), ..Default::default() };
    update_host(tx, id, pinned).await
}

/// Flags hosts of one identifier that another hardware UUID enrolled under it.
///
/// # Errors
/// When the database fails.
pub async fn flag_clones(tx: &DatabaseTransaction, ids: &[HostId], now: Timestamp) -> Result<(), StoreError> {
    let flag = hosts::ActiveModel { clone_suspected_at: Set(Some(now)), ..Default::default() };
    flag_hosts(tx, ids, flag).await
}

/// Flags hosts that a secret of another team was used for the same machine.
///
/// # Errors
/// When the database fails.
pub async fn flag_foreign_secret(
    tx: &DatabaseTransaction,
    ids: &[HostId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let flag = hosts::ActiveModel { foreign_secret_at: Set(Some(now)), ..Default::default() };
    flag_hosts(tx, ids, flag).await
}

async fn flag_hosts(
    tx: &DatabaseTransaction,
    ids: &[HostId],
    flag: hosts::ActiveModel,
) -> Result<(), StoreError> {
    hosts::Entity::update_many()
        .set(flag)
        .filter(hosts::Column::Id.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}
