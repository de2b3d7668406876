//! Evaluates the SQL of queries over the tables of simulated hosts.
//!
//! One in-memory database for each platform holds that platform's tables, empty. While a query is prepared `SQLite`
//! names the tables it reads; only these are filled with the host's rows, and emptied after the answer. So a
//! database serves any number of hosts, one after the other, and a host costs no memory of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::types::Value;
use rusqlite::{Connection, Error, Statement};
use serde_json::Map;

use crate::clock::Timestamp;

use super::gate::Gate;
use super::host::{Host, Platform};
use super::tables::{self, Table};
use super::{functions, value};

/// A row of an answer: texts by column, in the order of the query.
pub(super) type AnswerRow = Map<String, serde_json::Value>;

/// Steps of `SQLite`'s machine between two looks at the budget.
const STEPS: i32 = 10_000;

/// How often a query may be looked at before it is interrupted: 20 million steps in all.
const BUDGET: u32 = 2_000;

/// The largest answer, in bytes of text.
const MAX_ANSWER: usize = 128 << 20;

/// The databases of one worker thread.
pub(super) struct Engine {
    databases: Vec<(Platform, Database)>,
}

impl Engine {
    /// Makes the databases; fails only without memory.
    pub(super) fn new() -> rusqlite::Result<Self> {
        let databases = Platform::ALL.into_iter().map(|platform| Ok((platform, Database::new(platform)?)));
        Ok(Self { databases: databases.collect::<rusqlite::Result<_>>()? })
    }

    /// What `host` answers at `now` to `sql`: its rows, or the text of osquery's error.
    pub(super) fn answer(&self, host: &Host, now: Timestamp, sql: &str) -> Result<Vec<AnswerRow>, String> {
        let database = self.databases.iter().find(|(platform, _)| *platform == host.platform);
        let (_, database) = database.expect("every platform has a database");
        database.answer(host, now, sql)
    }
}

/// The tables of one platform, empty between two answers.
struct Database {
    connection: Connection,
    tables: Vec<Table>,
    gate: Gate,
    /// Looks left for the query that runs.
    budget: Arc<AtomicU32>,
}

impl Database {
    /// Makes the tables of `platform`.
    fn new(platform: Platform) -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(128);
        functions::add_to(&connection)?;
        let tables = tables::of_platform(platform);
        for table in &tables {
            connection.execute_batch(&definition(table))?;
        }
        let gate = Gate::before(&connection)?;
        let budget = Arc::new(AtomicU32::new(0));
        let left = Arc::clone(&budget);
        let interrupt = move || left.fetch_sub(1, Ordering::Relaxed) == 0;
        connection.progress_handler(STEPS, Some(interrupt))?;
        Ok(Self { connection, tables, gate, budget })
    }

    /// Answers a query of one host.
    fn answer(&self, host: &Host, now: Timestamp, sql: &str) -> Result<Vec<AnswerRow>, String> {
        self.budget.store(BUDGET, Ordering::Relaxed);
        let (prepared, read) = self.gate.watch(|| self.connection.prepare(sql));
        let mut statement = prepared.map_err(error_text)?;
        let touched: Vec<&Table> = self.tables.iter().filter(|table| read.contains(table.name)).collect();
        let answer = self.fill(&touched, host, now).map_err(error_text).and_then(|()| rows(&mut statement));
        drop(statement);
        self.budget.store(BUDGET, Ordering::Relaxed);
        self.empty(&touched).map_err(error_text)?;
        answer
    }

    /// Puts the rows of `host` into its tables.
    fn fill(&self, tables: &[&Table], host: &Host, now: Timestamp) -> rusqlite::Result<()> {
        for table in tables {
            let Some(generate) = tables::generator(table.name) else { continue };
            let marks = vec!["?"; table.columns.len()].join(",");
            let mut insert =
                self.connection.prepare_cached(&format!("INSERT INTO {} VALUES ({marks})", table.name))?;
            for row in generate(host, now) {
                let values: Vec<Value> = row.into_values(&table.columns);
                insert.execute(rusqlite::params_from_iter(values))?;
            }
        }
        Ok(())
    }

    /// Empties tables.
    fn empty(&self, tables: &[&Table]) -> rusqlite::Result<()> {
        for table in tables {
            self.connection.prepare_cached(&format!("DELETE FROM {}", table.name))?.execute([])?;
        }
        Ok(())
    }
}

/// The statement that makes a table.
fn definition(table: &Table) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|column| format!("\"{}\" {}", column.name, column.declaration)).collect();
    format!("CREATE TABLE \"{}\" ({})", table.name, columns.join(", "))
}

/// Runs a prepared query. Of columns with one name the last counts, as in osquery.
fn rows(statement: &mut Statement<'_>) -> Result<Vec<AnswerRow>, String> {
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        // What osquery says of a query without a statement.
        return Err("not an error".to_owned());
    }
    let mut answer = Vec::new();
    let mut size = 0;
    let mut found = statement.raw_query();
    while let Some(row) = found.next().map_err(error_text)? {
        let mut texts = Map::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let text = value::text(row.get_ref(index).map_err(error_text)?);
            size += text.len() + name.len();
            texts.insert(name.clone(), text.into());
        }
        if size > MAX_ANSWER {
            return Err("the answer is larger than a simulated host can hold".to_owned());
        }
        answer.push(texts);
    }
    Ok(answer)
}

/// `SQLite`'s own text of an error, which is also osquery's.
fn error_text(error: Error) -> String {
    match error {
        Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) => msg,
        Error::MultipleStatement => "a simulated host runs one statement at a time".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
