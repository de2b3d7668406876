//! The pools of connections to SQLite and PostgreSQL.

pub(super) mod sqlite;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::suspicion::{Suspicion, given_back};
use super::{StoreError, StoreSettings};

/// How long a caller waits for a connection of a pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement may run: as long as a query of the API may take. On SQLite, one that reads.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction may hold its locks on PostgreSQL while its server says nothing.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// What a server calls itself by at PostgreSQL.
pub(in crate::store) const SERVER: &str = "muster";

/// Begins a transaction that writes.
pub(super) async fn begin_on(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = match db.get_database_backend() {
        DbBackend::Sqlite => TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        },
        // The level is a default of the connection: to set it here costs a round trip.
        _ => TransactionOptions::default(),
    };
    db.begin_with_options(options).await
}

/// Makes every statement of the connection move the counter, and those that fail arouse suspicion.
pub(super) fn watched(
    mut connection: DatabaseConnection,
    counter: &Arc<AtomicU64>,
    suspicion: &Suspicion,
) -> DatabaseConnection {
    let (counter, suspicion) = (counter.clone(), suspicion.clone());
    connection.set_metric_callback(move |info| {
        counter.fetch_add(1, Ordering::Relaxed);
        if info.failed {
            suspicion.note();
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
        .sqlx_logging(false);
    options
}

/// A pool of connections to PostgreSQL, which is reached at the first statement.
pub(super) async fn postgres(
    settings: &StoreSettings,
    suspicion: &Suspicion,
) -> Result<DatabaseConnection, DbErr> {
    let suspicion = suspicion.clone();
    let mut options = common_options(postgres_url(settings), settings.max_connections);
    options
        .test_before_acquire(false)
        .map_sqlx_postgres_before_acquire(move |idle, meta| suspicion.try_out(idle, meta.idle_for))
        .map_sqlx_postgres_pool_opts(|pool| pool.after_release(|connection, _| given_back(connection)));
    options.connect_lazy(true).statement_timeout(STATEMENT_TIMEOUT).map_sqlx_postgres_opts(|postgres| {
        postgres.application_name(SERVER).options([
            ("default_transaction_isolation", "read committed".to_owned()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis().to_string()),
        ])
    });
    Database::connect(options).await
}

/// How the heartbeat reaches PostgreSQL.
pub(super) fn heartbeat(settings: &StoreSettings) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = postgres_url(settings).parse()?;
    Ok(options.application_name(SERVER).disable_statement_logging())
}

fn postgres_url(settings: &StoreSettings) -> String {
    settings.url.replacen("postgresql:", "postgres:", 1)
}
