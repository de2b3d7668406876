//! Connections to SQLite or PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use super::StoreError;
use crate::clock::{Clock, Timestamp};

/// How long a caller waits for a connection of a pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement may run on PostgreSQL: as long as a query of the API may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction may hold its locks on PostgreSQL while its server says nothing.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// How long SQLite waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that idled for longer is tried before it is used.
const IDLE_BEFORE_TEST: Duration = Duration::from_secs(30);
/// Bytes to which SQLite cuts its log after a checkpoint.
const WAL_BYTES: &str = "67108864";

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
    /// Statements and transactions since the connection was made.
    statements: Arc<AtomicU64>,
}

impl Store {
    /// Connects without touching the schema. PostgreSQL is reached at the first statement, so that a server may
    /// start before its database.
    ///
    /// # Errors
    /// When the URL is of another database, or the SQLite file can't be opened.
    pub async fn connect(settings: &StoreSettings, clock: Clock) -> Result<Self, StoreError> {
        let statements = Arc::new(AtomicU64::new(0));
        let (backend, writer, reader) = match backend_of(&settings.url)? {
            Backend::Sqlite => {
                let writer = counted(sqlite_writer(settings).await?, &statements);
                let reader = counted(sqlite_readers(settings).await?, &statements);
                (Backend::Sqlite, writer, reader)
            }
            Backend::Postgres => {
                let pool = counted(postgres(settings).await?, &statements);
                (Backend::Postgres, pool.clone(), pool)
            }
        };
        Ok(Self { backend, writer, reader, clock, statements })
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

    /// How many statements and transactions were issued since the connection was made.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How many connections there are: idle ones, and those in use.
    #[must_use]
    pub fn connections(&self) -> (u64, u64) {
        let (all, idle) = match self.backend {
            Backend::Sqlite => {
                let pools = [&self.writer, &self.reader].map(DatabaseConnection::get_sqlite_connection_pool);
                let all = pools.iter().map(|pool| u64::from(pool.size())).sum();
                (all, pools.iter().map(|pool| pool.num_idle() as u64).sum())
            }
            Backend::Postgres => {
                let pool = self.writer.get_postgres_connection_pool();
                (u64::from(pool.size()), pool.num_idle() as u64)
            }
        };
        // The two are not read at the same moment.
        (idle, u64::saturating_sub(all, idle))
    }

    /// Begins a transaction that writes: READ COMMITTED on PostgreSQL, IMMEDIATE on SQLite.
    ///
    /// # Errors
    /// When no connection comes in time.
    pub async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let options = match self.backend {
            Backend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            },
            // The level is a default of the connection: to set it here costs a round trip.
            Backend::Postgres => TransactionOptions::default(),
        };
        Ok(self.writer.begin_with_options(options).await?)
    }

    /// The time that expiries are held against: the database's own on PostgreSQL, unless the clock is fixed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        self.now_on(&self.reader).await
    }

    /// As [`Self::now`], asked on this connection: inside a transaction, the time of the statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn now_on<C: ConnectionTrait>(&self, db: &C) -> Result<Timestamp, StoreError> {
        if self.backend == Backend::Sqlite || matches!(self.clock, Clock::Fixed(_)) {
            return Ok(self.clock.now());
        }
        let sql = "SELECT (extract(epoch from clock_timestamp()) * 1000)::bigint AS now";
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt("the database told no time".to_owned()))?;
        Ok(Timestamp(row.try_get("", "now")?))
    }

    /// Whether the database answers now.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.reader.ping().await?)
    }

    /// Closes every connection once its statement is done; every later use fails.
    ///
    /// # Errors
    /// When a connection can't be closed.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.reader.close_by_ref().await?;
        Ok(self.writer.close_by_ref().await?)
    }
}

fn backend_of(url: &str) -> Result<Backend, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", path)) if path.contains(":memory:") || path.contains("mode=memory") => Err(
            StoreError::Settings("SQLite in memory can't be shared by connections: use a file".to_owned()),
        ),
        Some(("sqlite", _)) => Ok(Backend::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(Backend::Postgres),
        _ => {
            Err(StoreError::Settings("the database URL must begin with sqlite:// or postgres://".to_owned()))
        }
    }
}

/// Makes every statement of the connection move the counter.
fn counted(mut connection: DatabaseConnection, counter: &Arc<AtomicU64>) -> DatabaseConnection {
    let counter = counter.clone();
    connection.set_metric_callback(move |info| {
        counter.fetch_add(1, Ordering::Relaxed);
        if info.failed {
            metrics::counter!("muster_database_errors_total").increment(1);
        }
    });
    connection
}

fn common_options(url: String, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(IDLE_BEFORE_TEST)
        .sqlx_logging(false);
    options
}

async fn sqlite_writer(settings: &StoreSettings) -> Result<DatabaseConnection, DbErr> {
    let mut options = common_options(settings.url.clone(), 1);
    options.idle_timeout(None).max_lifetime(None).map_sqlx_sqlite_opts(|sqlite| {
        sqlite_common(sqlite)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", WAL_BYTES)
    });
    Database::connect(options).await
}

async fn sqlite_readers(settings: &StoreSettings) -> Result<DatabaseConnection, DbErr> {
    let mut options = common_options(settings.url.clone(), settings.max_connections);
    options
        .idle_timeout(None)
        .max_lifetime(None)
        .map_sqlx_sqlite_opts(|sqlite| sqlite_common(sqlite).pragma("query_only", "ON"));
    Database::connect(options).await
}

fn sqlite_common(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT)
}

async fn postgres(settings: &StoreSettings) -> Result<DatabaseConnection, DbErr> {
    let url = settings.url.replacen("postgresql:", "postgres:", 1);
    let mut options = common_options(url, settings.max_connections);
    options.connect_lazy(true).statement_timeout(STATEMENT_TIMEOUT).map_sqlx_postgres_opts(|postgres| {
        postgres.options([
            ("default_transaction_isolation", "read committed".to_owned()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis().to_string()),
        ])
    });
    Database::connect(options).await
}
