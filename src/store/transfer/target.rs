//! The PostgreSQL database that an installation is moved to.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::source::INSTALLATION;
use super::text::{Kind, Tally};
use super::{Column, STEPS, Table};
use crate::store::connect::{Backend, backend_of};
use crate::store::locks::Lock;
use crate::store::pools::SERVER;
use crate::store::{StoreError, schema};

/// What we call ourselves by: no server.
const MOVER: &str = "muster migrate";

/// What a database has before anybody used it, or only because a server looked at it. Every other table, one that a
/// later version brings too, is somebody's data as soon as it has a row.
const HARMLESS: &[(&str, &str)] =
    &[("labels", "kind <> 'built_in'"), ("settings", "false"), ("changes", "false"), ("leases", "false")];

/// The database that an installation is moved to.
pub(super) struct Target {
    db: DatabaseConnection,
}

/// Whose data a database has.
pub(super) enum Holds {
    /// Nobody's.
    Nothing,
    /// This installation's.
    This,
    /// Somebody else's.
    Another,
}

impl Target {
    /// Connects, by one connection without time-outs.
    pub(super) async fn connect(url: &str) -> Result<Self, StoreError> {
        if backend_of(url)? != Backend::Postgres {
            return Err(StoreError::Transfer("the target must be postgres://…".to_owned()));
        }
        let mut options = ConnectOptions::new(url.replacen("postgresql:", "postgres:", 1));
        options.max_connections(1).sqlx_logging(false).map_sqlx_postgres_opts(|postgres| {
            let no_end = ["statement_timeout", "idle_in_transaction_session_timeout"].map(|end| (end, "0"));
            postgres.application_name(MOVER).options([("bytea_output", "hex")]).options(no_end)
        });
        Ok(Self { db: Database::connect(options).await? })
    }

    /// Refuses a database of another installation, whatever its version.
    pub(super) async fn refuse_others(&self, installation: &str) -> Result<(), StoreError> {
        let mut connection = self.pool().acquire().await?;
        match holds(&mut connection, installation).await? {
            Holds::Another => Err(another()),
            Holds::Nothing | Holds::This => Ok(()),
        }
    }

    /// Brings the schema up.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate_on(&self.db).await
    }

    /// Begins the transaction of the move; two moves come one after the other.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut tx = self.pool().begin().await?;
        let lock = format!("SELECT pg_advisory_xact_lock({})", Lock::Migration as i64);
        sqlx::query(AssertSqlSafe(lock)).execute(&mut *tx).await?;
        sqlx::query("SET LOCAL lock_timeout = '10s'").execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Disconnects.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }

    fn pool(&self) -> &PgPool {
        self.db.get_postgres_connection_pool()
    }
}

/// Refuses a database that a server uses: it would not notice what comes.
pub(super) async fn refuse_servers(tx: &mut PgConnection) -> Result<(), StoreError> {
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1";
    let servers: i64 = sqlx::query_scalar(sql).bind(SERVER).fetch_one(tx).await?;
    if servers == 0 {
        return Ok(());
    }
    Err(StoreError::Transfer("a server runs on the target: stop it, and begin again".to_owned()))
}

/// The refusal of a database that has data of its own.
pub(super) fn another() -> StoreError {
    let why = "the target has data of another installation; move to a database that is empty";
    StoreError::Transfer(why.to_owned())
}

/// Every table but the one of migrations, parents first, with columns in the order of their names.
pub(super) async fn tables(tx: &mut PgConnection) -> Result<Vec<Table>, StoreError> {
    let sql = "SELECT table_name::text, column_name::text, data_type::text, is_identity = 'YES' \
         FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) \
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1, 2";
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(sql).fetch_all(&mut *tx).await?;
    let mut tables = BTreeMap::new();
    for (table, name, data_type, is_identity) in columns.into_iter().filter(|column| column.0 != STEPS) {
        let kind = Kind::of(&data_type).ok_or_else(|| {
            StoreError::Transfer(format!(
                "column {name} of table {table} is of type {data_type}, which this version can't move"
            ))
        })?;
        let new = Table { name: table.clone(), columns: Vec::new(), identity: None };
        let table = tables.entry(table).or_insert(new);
        table.identity = if is_identity { Some(name.clone()) } else { table.identity.take() };
        table.columns.push(Column { name, kind });
    }
    let references = "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint \
         WHERE contype = 'f' AND conrelid <> confrelid";
    let references: Vec<(String, String)> = sqlx::query_as(references).fetch_all(tx).await?;
    parents_first(tables, &references)
}

/// The tables, each after those that it refers to.
fn parents_first(
    mut tables: BTreeMap<String, Table>,
    references: &[(String, String)],
) -> Result<Vec<Table>, StoreError> {
    let mut sorted = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let waits = |name: &String| {
            references.iter().any(|(child, parent)| child == name && tables.contains_key(parent))
        };
        let next = tables.keys().find(|name| !waits(name)).cloned();
        let next =
            next.ok_or_else(|| StoreError::Transfer("tables refer to each other in a circle".into()))?;
        sorted.extend(tables.remove(&next));
    }
    Ok(sorted)
}

/// Whose data there is. Asks only for tables that are there: the schema may be of another version, or not made yet.
pub(super) async fn holds(tx: &mut PgConnection, installation: &str) -> Result<Holds, StoreError> {
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let there: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *tx).await?;
    let there: BTreeSet<String> = there.into_iter().collect();
    if there.contains("labels") && there.contains(STEPS) {
        let found: Option<String> = sqlx::query_scalar(INSTALLATION).fetch_optional(&mut *tx).await?;
        if found.as_deref() == Some(installation) {
            return Ok(Holds::This);
        }
    }
    let harmless: BTreeMap<&str, &str> = HARMLESS.iter().copied().collect();
    for table in there.iter().filter(|table| *table != STEPS) {
        let counts = harmless.get(table.as_str()).unwrap_or(&"true");
        let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE {counts})");
        if sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await? {
            return Ok(Holds::Another);
        }
    }
    Ok(Holds::Nothing)
}

/// Removes what migrations put there: the installation brings its own.
pub(super) async fn clear(tx: &mut PgConnection, tables: &[Table]) -> Result<(), StoreError> {
    let names: Vec<_> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
    let sql = format!("TRUNCATE {}", names.join(", "));
    sqlx::query(AssertSqlSafe(sql)).execute(tx).await?;
    Ok(())
}

/// Lets the numbers of a table go on after this one; 0 for a table that gave none.
pub(super) async fn set_last_number(
    tx: &mut PgConnection,
    table: &Table,
    identity: &str,
    last: i64,
) -> Result<(), StoreError> {
    let sql = "SELECT setval(pg_get_serial_sequence(quote_ident($1), $2), greatest($3, 1), $3 > 0)";
    sqlx::query(sql).bind(&table.name).bind(identity).bind(last).execute(tx).await?;
    Ok(())
}

/// Counts and digests the rows of a table.
pub(super) async fn tally(tx: &mut PgConnection, table: &Table) -> Result<Tally, StoreError> {
    let statement = format!("COPY \"{}\" ({}) TO STDOUT", table.name, table.column_list());
    let mut rows = tx.copy_out_raw(&statement).await?;
    let mut tally = Tally::default();
    while let Some(piece) = rows.try_next().await? {
        tally.take(&piece);
    }
    Ok(tally)
}
