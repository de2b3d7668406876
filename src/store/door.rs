//! The way to the connections: open while the database may be used and answers, and else shut.

use std::sync::Arc;

use arc_swap::ArcSwap;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement,
};
use tokio::sync::SetOnce;

use super::heartbeat::Silence;
use super::pools::begin_on;

/// A pool for whoever uses the database. While the door is shut every use fails at once; what is under way when the
/// database falls silent fails then.
#[derive(Clone, Debug)]
pub struct Door {
    /// The pool of now; after a silence it is a new one.
    pool: Arc<ArcSwap<DatabaseConnection>>,
    /// In its place while the door is shut: a pool that was closed.
    shut: Arc<DatabaseConnection>,
    /// Whether the schema was found to be right.
    open: Arc<SetOnce<()>>,
    silence: Silence,
}

impl Door {
    /// A door before a pool; `shut` is one that was closed.
    pub(super) fn new(
        pool: DatabaseConnection,
        shut: DatabaseConnection,
        open: Arc<SetOnce<()>>,
        silence: Silence,
    ) -> Self {
        Self { pool: Arc::new(ArcSwap::from_pointee(pool)), shut: Arc::new(shut), open, silence }
    }

    /// The pool of now, also while the door is shut.
    pub(super) fn pool(&self) -> Arc<DatabaseConnection> {
        self.pool.load_full()
    }

    /// From now on this pool is used; whoever still uses the old one ends there.
    pub(super) fn replace(&self, pool: DatabaseConnection) {
        self.pool.store(Arc::new(pool));
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let pool = self.now();
        self.silence.unless(begin_on(&pool)).await
    }

    /// Whether the database answers.
    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        let pool = self.now();
        self.silence.unless(pool.ping()).await
    }

    fn now(&self) -> Arc<DatabaseConnection> {
        if self.open.initialized() && !self.silence.is_on() { self.pool() } else { Arc::clone(&self.shut) }
    }
}

#[async_trait]
impl ConnectionTrait for Door {
    fn get_database_backend(&self) -> DbBackend {
        self.shut.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let pool = self.now();
        self.silence.unless(pool.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let pool = self.now();
        self.silence.unless(pool.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let pool = self.now();
        self.silence.unless(pool.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let pool = self.now();
        self.silence.unless(pool.query_all_raw(statement)).await
    }

    fn support_returning(&self) -> bool {
        self.shut.support_returning()
    }
}
