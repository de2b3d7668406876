//! Advisory locks of PostgreSQL, held until the transaction ends. SQLite has one writer and needs none.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

use super::StoreError;

/// What an advisory lock stands for; its number is the key in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub(super) enum Lock {
    /// One migration at a time.
    Migration = 0x4d75_7374_0001,
    /// Which hosts there are and whose they are; the first in the lock order.
    Membership = 0x4d75_7374_0002,
    /// Who are admins.
    Admins = 0x4d75_7374_0004,
    /// The settings of the fleet.
    Settings = 0x4d75_7374_0005,
    /// Who ships the audit trail.
    Shipping = 0x4d75_7374_000b,
    /// What hosts are configured with.
    Configuration = 0x4d75_7374_0010,
    /// Which policies there are, whom they are about, and how hosts stand to them.
    Policies = 0x4d75_7374_0012,
    /// Order of `changes`; the last in the lock order.
    Changes = 0x4d75_7374_0003,
}

/// Makes requests of one caller with the same idempotency key wait for each other, so that the later one finds what
/// the first one stored. Second in the lock order.
///
/// # Errors
/// When the database fails.
pub async fn idempotency_lock(tx: &DatabaseTransaction, actor: &str, key: &str) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        // Locks of two numbers never meet those of one.
        let sql = "SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))";
        let values = [actor.into(), key.into()];
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    }
    Ok(())
}

/// Lets the transaction rely on the hosts and their teams as they are: for the start of a campaign.
///
/// # Errors
/// When the database fails.
pub async fn membership_lock_shared(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    take(tx, "pg_advisory_xact_lock_shared", Lock::Membership).await
}

/// Lets the transaction move and delete hosts, with no campaign starting meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn membership_lock_exclusive(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    take(tx, "pg_advisory_xact_lock", Lock::Membership).await
}

/// Lets the transaction rely on who are admins: for what might take the last one away.
///
/// # Errors
/// When the database fails.
pub async fn admins_lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    exclusive(tx, Lock::Admins).await
}

/// Lets the transaction read the settings of the fleet and write them.
///
/// # Errors
/// When the database fails.
pub async fn settings_lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    exclusive(tx, Lock::Settings).await
}

/// Lets the transaction ship the audit trail, one at a time.
///
/// # Errors
/// When the database fails.
pub async fn shipping_lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    exclusive(tx, Lock::Shipping).await
}

/// Lets the transaction look at all that hosts are configured with, and change it: so that two changes which are good
/// each are never bad together.
///
/// # Errors
/// When the database fails.
pub async fn configuration_lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    exclusive(tx, Lock::Configuration).await
}

/// Lets the transaction change policies, how hosts stand to them, and the counts of that; after the rows of hosts.
///
/// # Errors
/// When the database fails.
pub async fn policies_lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    exclusive(tx, Lock::Policies).await
}

/// Takes `lock` for this transaction alone.
pub(super) async fn exclusive(tx: &DatabaseTransaction, lock: Lock) -> Result<(), StoreError> {
    take(tx, "pg_advisory_xact_lock", lock).await
}

async fn take(tx: &DatabaseTransaction, function: &str, lock: Lock) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let sql = format!("SELECT {function}({})", lock as i64);
        tx.execute_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    }
    Ok(())
}
