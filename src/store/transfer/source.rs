//! The SQLite file that is moved: opened for this process alone, and read row by row.

use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode, SqliteRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Row as _, SqlitePool, ValueRef as _};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::text::{Kind, Value, write_line};
use super::{STEPS, Table};
use crate::store::connect::{Backend, backend_of};
use crate::store::{StoreError, schema};

/// How long another process may take to let go of the file.
const BUSY: Duration = Duration::from_secs(1);

/// Bytes that are handed on at once.
const BLOCK: usize = 1 << 20;

/// The outside id of this label is drawn when an installation's tables are made: it stands for the installation.
pub(super) const INSTALLATION: &str =
    "SELECT public_id FROM labels WHERE kind = 'built_in' AND platform IS NULL ORDER BY id LIMIT 1";

/// The database that is moved.
pub(super) struct Source {
    db: DatabaseConnection,
}

/// The rows of a table as lines, a block at a time.
pub(super) struct Lines<'a> {
    table: &'a Table,
    rows: BoxStream<'a, Result<SqliteRow, sqlx::Error>>,
}

impl Source {
    /// Opens the file for this process alone, and brings its schema up.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        if backend_of(url)? != Backend::Sqlite {
            return Err(refused(
                "the source must be sqlite://PATH: what is moved is an embedded installation",
            ));
        }
        let path = SqliteConnectOptions::from_str(url)?.get_filename().to_owned();
        if !path.is_file() {
            return Err(StoreError::Transfer(format!("there is no database at {}", path.display())));
        }
        let mut options = ConnectOptions::new(url.to_owned());
        options.max_connections(1).idle_timeout(None).max_lifetime(None).sqlx_logging(false);
        options.map_sqlx_sqlite_opts(|sqlite| {
            // A server holds a shared lock for as long as it lives.
            sqlite.create_if_missing(false).locking_mode(SqliteLockingMode::Exclusive).busy_timeout(BUSY)
        });
        Self::connect(options).await.map_err(|error| match error {
            error if error.is_locked() => StoreError::Transfer(format!(
                "{} is in use: stop the server that has it open, and begin again",
                path.display()
            )),
            error => error,
        })
    }

    async fn connect(options: ConnectOptions) -> Result<Self, StoreError> {
        let source = Self { db: Database::connect(options).await? };
        // The first look takes the lock.
        sqlx::query("SELECT count(*) FROM sqlite_master").fetch_one(source.pool()).await?;
        schema::migrate_on(&source.db).await?;
        Ok(source)
    }

    /// What stands for the installation.
    pub(super) async fn installation(&self) -> Result<String, StoreError> {
        let found: Option<String> = sqlx::query_scalar(INSTALLATION).fetch_optional(self.pool()).await?;
        found.ok_or_else(|| refused("the source is no installation of Muster"))
    }

    /// Sees that both databases have the same tables.
    pub(super) async fn refuse_other_tables(&self, tables: &[Table]) -> Result<(), StoreError> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let here: Vec<String> = sqlx::query_scalar(sql).fetch_all(self.pool()).await?;
        let here: BTreeSet<&str> = here.iter().map(String::as_str).filter(|name| *name != STEPS).collect();
        let there: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let missing: Vec<_> = here.symmetric_difference(&there).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(StoreError::Transfer(format!("only one of the databases has: {}", missing.join(", "))))
    }

    /// The rows of a table, in no order.
    pub(super) fn lines<'a>(&'a self, table: &'a Table) -> Lines<'a> {
        let sql = format!("SELECT {} FROM \"{}\"", table.column_list(), table.name);
        Lines { table, rows: sqlx::query(AssertSqlSafe(sql)).fetch(self.pool()) }
    }

    /// The last number that the table ever gave, also to a row that is gone.
    pub(super) async fn last_number(&self, table: &Table, identity: &str) -> Result<i64, StoreError> {
        let sql = format!(
            "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{0}'), 0), \
             coalesce((SELECT max(\"{identity}\") FROM \"{0}\"), 0))",
            table.name
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(self.pool()).await?)
    }

    /// Lets go of the file.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }

    fn pool(&self) -> &SqlitePool {
        self.db.get_sqlite_connection_pool()
    }
}

impl Lines<'_> {
    /// The next whole lines; none at the end.
    pub(super) async fn next_block(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut block = Vec::new();
        while block.len() < BLOCK {
            let Some(row) = self.rows.next().await else { break };
            let row = row?;
            let mut values = Vec::with_capacity(self.table.columns.len());
            for (index, column) in self.table.columns.iter().enumerate() {
                values.push(value(&row, index, column.kind)?);
            }
            write_line(&mut block, values.into_iter());
        }
        Ok((!block.is_empty()).then_some(block))
    }
}

/// A value of a row. SQLite knows numbers, texts and bytes; what they are to be is the target's.
fn value(row: &SqliteRow, index: usize, kind: Kind) -> Result<Value, StoreError> {
    if row.try_get_raw(index)?.is_null() {
        return Ok(Value::Null);
    }
    Ok(match kind {
        Kind::Number => Value::Number(row.try_get_unchecked(index)?),
        Kind::Truth => Value::Truth(row.try_get_unchecked::<i64, _>(index)? != 0),
        Kind::Text => Value::Text(row.try_get_unchecked(index)?),
        Kind::Bytes => Value::Bytes(row.try_get_unchecked(index)?),
    })
}

fn refused(why: &str) -> StoreError {
    StoreError::Transfer(why.to_owned())
}
