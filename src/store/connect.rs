//! Connections to SQLite or PostgreSQL.

use sea_orm::{DatabaseConnection, DatabaseTransaction};

use super::StoreError;
use crate::clock::{Clock, Timestamp};

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `sqlite://PATH?mode=rwc` or `postgres://…`.
    pub url: String,
    /// Connections of the PostgreSQL pool, or of the pool of SQLite readers.
    pub max_connections: u32,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite, inside.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The database. A cheap handle.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    /// SQLite: one connection with `synchronous=FULL`; PostgreSQL: the pool.
    writer: DatabaseConnection,
    /// SQLite: a pool of readers; PostgreSQL: the same pool.
    reader: DatabaseConnection,
    clock: Clock,
}

impl Store {
    /// Connects without touching the schema.
    ///
    /// # Errors
    /// When the URL is of another database or the database can't be reached.
    pub async fn connect(_settings: &StoreSettings, _clock: Clock) -> Result<Self, StoreError> {
        todo!("owner: store")
    }

    /// Brings the schema up to this binary: under an advisory lock on PostgreSQL, in transactions on SQLite.
    ///
    /// # Errors
    /// [`StoreError::Schema`] when the database is newer than this binary.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        todo!("owner: store")
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// For reads outside a transaction.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Begins a transaction that writes: READ COMMITTED on PostgreSQL, IMMEDIATE on SQLite.
    ///
    /// # Errors
    /// When no connection comes in time.
    pub async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        todo!("owner: store")
    }

    /// The time that expiries are held against: the database's own on PostgreSQL, unless the clock is fixed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        todo!("owner: store")
    }
}
