//! Connections to SQLite.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Connection as _, Error};
use sea_orm::{Database, DatabaseConnection, DbErr};

use super::{StoreSettings, common_options};

/// Instructions of SQLite's machine between two looks at the time: a fraction of a millisecond.
const STEPS: i32 = 10_000;
/// Bytes to which SQLite cuts its log after a checkpoint.
const WAL_BYTES: &str = "67108864";
/// How long SQLite waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The one connection that writes.
pub(in crate::store) async fn writer(settings: &StoreSettings) -> Result<DatabaseConnection, DbErr> {
    let mut options = common_options(settings.url.clone(), 1);
    options.test_before_acquire(false).idle_timeout(None).max_lifetime(None).map_sqlx_sqlite_opts(|sqlite| {
        sqlite_common(sqlite)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", WAL_BYTES)
    });
    // When SQLite can't commit, on a full disk, it rolls back by itself, which the driver does not notice: the next
    // transaction would be one inside of the last, and its commit would commit nothing. Such a connection goes.
    options.map_sqlx_sqlite_before_acquire(|connection, _| {
        let is_between_transactions = !connection.is_in_transaction();
        async move { Ok(is_between_transactions) }.boxed()
    });
    Database::connect(options).await
}

/// Connections that read. A statement that takes longer than `longest` is interrupted: whoever waited for it is gone by
/// then, and it would keep a core busy to its end. There is no such limit where is written, for a connection is told when
/// it is taken and not when a statement begins, and a transaction may take its time.
pub(in crate::store) async fn readers(
    settings: &StoreSettings,
    longest: Duration,
) -> Result<DatabaseConnection, DbErr> {
    let mut options = common_options(settings.url.clone(), settings.max_connections);
    options
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .map_sqlx_sqlite_opts(|sqlite| sqlite_common(sqlite).pragma("query_only", "ON"))
        .map_sqlx_sqlite_before_acquire(move |connection, _| {
            async move { limit(connection, longest).await.map(|()| true) }.boxed()
        })
        .map_sqlx_sqlite_pool_opts(move |pool| {
            pool.after_connect(move |connection, _| limit(connection, longest).boxed())
        });
    Database::connect(options).await
}

/// Ends, in so long, whatever the connection does.
async fn limit(connection: &mut SqliteConnection, longest: Duration) -> Result<(), Error> {
    let until = Instant::now() + longest;
    connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
    Ok(())
}

fn sqlite_common(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    use super::*;

    /// Counts for ever.
    const ENDLESS: &str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE x < 0";

    async fn ask(db: &DatabaseConnection, sql: &str) -> Result<(), String> {
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        db.query_one_raw(statement).await.map(drop).map_err(|error| error.to_string())
    }

    /// The only connection is of use again, also when nobody waited for the end.
    #[tokio::test]
    async fn what_takes_too_long_is_interrupted() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite://{}/db?mode=rwc", directory.path().display());
        let settings = StoreSettings { url, max_connections: 1 };
        let _writer = writer(&settings).await.expect("the file is made");
        let readers = readers(&settings, Duration::from_millis(300)).await.expect("it opens");
        for _ in 0..2 {
            let error = ask(&readers, ENDLESS).await.expect_err("it has no end");
            assert!(error.contains("interrupted"), "{error}");
            assert_eq!(ask(&readers, "SELECT 1").await, Ok(()));
        }
        let left = tokio::time::timeout(Duration::from_millis(50), ask(&readers, ENDLESS)).await;
        assert!(left.is_err(), "nobody waits for it any more");
        assert_eq!(ask(&readers, "SELECT 1").await, Ok(()));
    }
}
