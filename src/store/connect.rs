//! The database: SQLite or PostgreSQL, and whether it may be used.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use tokio::sync::SetOnce;

use super::door::Door;
use super::heartbeat::{self, Silence};
use super::suspicion::Suspicion;
use super::{StoreError, pools};
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

/// The database. A cheap handle. PostgreSQL may be away at the start: it is shut until [`Store::migrate`] has found the
/// schema to be this version's, or made it so. Till then every use fails at once, and while it says nothing.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    settings: StoreSettings,
    /// SQLite: one connection with `synchronous=FULL`; PostgreSQL: the pool.
    writer: Door,
    /// SQLite: a pool of readers; PostgreSQL: the same pool.
    reader: Door,
    open: Arc<SetOnce<()>>,
    silence: Silence,
    suspicion: Suspicion,
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
        let (statements, suspicion) = (Arc::<AtomicU64>::default(), Suspicion::default());
        let (open, silence) = (Arc::<SetOnce<()>>::default(), Silence::default());
        let watched = |pool| pools::watched(pool, &statements, &suspicion);
        let door = |pool, shut| Door::new(pool, shut, Arc::clone(&open), silence.clone());
        let backend = backend_of(&settings.url)?;
        let (writer, reader) = match backend {
            Backend::Sqlite => {
                let writer = watched(pools::sqlite::writer(settings).await?);
                let reader = watched(pools::sqlite::readers(settings, pools::STATEMENT_TIMEOUT).await?);
                // It is open from the start, and never silent.
                drop(open.set(()));
                (door(writer, reader.clone()), door(reader.clone(), reader))
            }
            Backend::Postgres => {
                let shut = pools::postgres(settings, &suspicion).await?;
                shut.close_by_ref().await?;
                let pool = door(watched(pools::postgres(settings, &suspicion).await?), shut);
                (pool.clone(), pool)
            }
        };
        let settings = settings.clone();
        Ok(Self { backend, settings, writer, reader, open, silence, suspicion, clock, statements })
    }

    /// Watches over PostgreSQL for as long as it is awaited: when it says nothing any more, whatever waits for it fails,
    /// and the store is shut until it answers. On SQLite there is nothing to do.
    ///
    /// # Errors
    /// When the URL can't be read.
    pub(crate) async fn watch(&self) -> Result<(), StoreError> {
        if self.backend == Backend::Sqlite {
            return Ok(());
        }
        let options = pools::heartbeat(&self.settings)?;
        loop {
            heartbeat::until_silent(&options).await;
            self.silence.begin();
            heartbeat::until_heard(&options).await;
            let pool = pools::postgres(&self.settings, &self.suspicion).await?;
            self.writer.replace(pools::watched(pool, &self.statements, &self.suspicion));
            self.silence.end();
        }
    }

    /// Waits for what the database does as long as it does not fall silent.
    ///
    /// # Errors
    /// When it does, and those of what is awaited.
    pub async fn unless_silent<T, E: From<DbErr>>(
        &self,
        done: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.silence.unless(done).await
    }

    /// Whether the database may be used.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.initialized()
    }

    /// Whether the database has said nothing for some seconds.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silence.is_on()
    }

    /// Waits until it may be used.
    pub async fn opened(&self) {
        self.open.wait().await;
    }

    /// From now on the database may be used.
    pub(super) fn open(&self) {
        // It may be open already.
        drop(self.open.set(()));
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// For reads outside a transaction.
    #[must_use]
    pub fn reader(&self) -> &Door {
        &self.reader
    }

    /// How many statements and transactions were issued since the connection was made.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How many connections there may be to PostgreSQL, or readers of SQLite.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        self.settings.max_connections.max(1) as usize
    }

    /// How many connections there are: idle ones, and those in use.
    #[must_use]
    pub fn connections(&self) -> (u64, u64) {
        let (all, idle) = match self.backend {
            Backend::Sqlite => {
                let pools = [self.writer.pool(), self.reader.pool()];
                let pools = pools.each_ref().map(|pool| pool.get_sqlite_connection_pool());
                let all = pools.iter().map(|pool| u64::from(pool.size())).sum();
                (all, pools.iter().map(|pool| pool.num_idle() as u64).sum())
            }
            Backend::Postgres => {
                let pool = self.writer.pool();
                let pool = pool.get_postgres_connection_pool();
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
        Ok(self.writer.begin().await.inspect_err(|_| self.suspicion.note())?)
    }

    /// As [`Self::begin`], also while the store is shut: for what makes the schema.
    pub(super) async fn begin_unopened(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(pools::begin_on(&self.writer.pool()).await?)
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

    /// Somebody waited for the database for too long: perhaps it went without a word.
    pub fn suspect(&self) {
        self.suspicion.note();
    }

    /// As [`Self::suspect`], if that is what failed.
    pub(crate) fn suspect_if_late(&self, error: &StoreError) {
        if matches!(error, StoreError::Late) {
            self.suspect();
        }
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
        self.reader.pool().close_by_ref().await?;
        Ok(self.writer.pool().close_by_ref().await?)
    }
}

pub(super) fn backend_of(url: &str) -> Result<Backend, StoreError> {
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
