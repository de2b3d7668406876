//! Moves an embedded installation from its SQLite file to PostgreSQL.
//!
//! Which tables there are, their columns and what they refer to is asked of the databases themselves, both at the
//! schema of this version, so that no table can be forgotten. Everything is copied and compared in one transaction of
//! the target: who is interrupted leaves nothing behind, and begins again.

mod source;
mod target;
mod text;

use sea_orm::sqlx::{self, PgConnection};

use super::StoreError;
use source::Source;
use target::{Holds, Target};
use text::Tally;

/// The table in which migrations note what they did; both databases have their own.
const STEPS: &str = "seaql_migrations";

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Every table but the one of migrations, parents first.
    pub tables: Vec<MovedTable>,
    /// Whether the target had all of it already, and nothing was done but to compare.
    pub was_there: bool,
}

/// A table whose rows are the same in both databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTable {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// 128 bits over all rows and columns, whatever the order of the rows, in hex.
    pub digest: String,
}

/// Moves everything from a SQLite file, which no server may have open, to PostgreSQL, where there is nothing of another
/// installation; the file stays as it is, but for migrations. Each table is told to `progress` when it was compared.
///
/// # Errors
/// [`StoreError::Transfer`] says why not, in a sentence; then the target is as it was.
pub async fn transfer(from: &str, to: &str, progress: impl Fn(&MovedTable)) -> Result<Moved, StoreError> {
    let source = Source::open(from).await?;
    let moved = into_target(&source, to, progress).await;
    source.close().await?;
    moved
}

async fn into_target(source: &Source, to: &str, progress: impl Fn(&MovedTable)) -> Result<Moved, StoreError> {
    let target = Target::connect(to).await?;
    let installation = source.installation().await?;
    // Asked before its schema is touched: an installation that is not ours stays at its own version.
    target.refuse_others(&installation).await?;
    target.migrate().await?;
    let mut tx = target.begin().await?;
    target::refuse_servers(&mut tx).await?;
    let tables = target::tables(&mut tx).await?;
    source.refuse_other_tables(&tables).await?;
    let was_there = match target::holds(&mut tx, &installation).await? {
        Holds::Nothing => {
            target::clear(&mut tx, &tables).await?;
            for table in &tables {
                copy(source, &mut tx, table).await?;
            }
            false
        }
        Holds::This => true,
        Holds::Another => return Err(target::another()),
    };
    let mut compared = Vec::with_capacity(tables.len());
    for table in &tables {
        let moved = compare(source, &mut tx, table, was_there).await?;
        progress(&moved);
        compared.push(moved);
    }
    tx.commit().await?;
    target.close().await?;
    Ok(Moved { tables: compared, was_there })
}

/// A table of the target.
#[derive(Clone, Debug)]
struct Table {
    name: String,
    columns: Vec<Column>,
    /// The column whose numbers the database gives.
    identity: Option<String>,
}

/// A column, and how its values are written.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: text::Kind,
}

impl Table {
    /// The columns, quoted, in the order in which rows are written.
    fn column_list(&self) -> String {
        let quoted: Vec<_> = self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        quoted.join(", ")
    }
}

/// Copies the rows of a table, and lets its numbers go on after the last one that was ever given.
async fn copy(source: &Source, tx: &mut PgConnection, table: &Table) -> Result<(), StoreError> {
    let statement = format!("COPY \"{}\" ({}) FROM STDIN", table.name, table.column_list());
    let mut sink = tx.copy_in_raw(&statement).await?;
    let mut lines = source.lines(table);
    while let Some(block) = lines.next_block().await? {
        sink.send(block).await.map_err(|error| about(table, error))?;
    }
    sink.finish().await.map_err(|error| about(table, error))?;
    if let Some(identity) = &table.identity {
        let last = source.last_number(table, identity).await?;
        target::set_last_number(tx, table, identity, last).await?;
    }
    Ok(())
}

/// Counts and digests a table on both sides.
async fn compare(
    source: &Source,
    tx: &mut PgConnection,
    table: &Table,
    was_there: bool,
) -> Result<MovedTable, StoreError> {
    let mut here = Tally::default();
    let mut lines = source.lines(table);
    while let Some(block) = lines.next_block().await? {
        here.take(&block);
    }
    let there = target::tally(tx, table).await?;
    if here == there {
        return Ok(MovedTable { name: table.name.clone(), rows: here.rows(), digest: here.digest() });
    }
    let (name, here, there) = (&table.name, here.rows(), there.rows());
    let differ =
        format!("table {name} has {here} rows in the source, and {there} or other ones in the target");
    Err(StoreError::Transfer(if was_there {
        format!(
            "this installation was moved there before, and one of the two went on since: {differ}. \
             To move it once more, drop the target database and make it anew"
        )
    } else {
        format!("{differ}; nothing was moved")
    }))
}

/// An error of the target about the rows of a table.
fn about(table: &Table, error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(said) => {
            StoreError::Transfer(format!("PostgreSQL does not take the rows of table {}: {said}", table.name))
        }
        error => error.into(),
    }
}
