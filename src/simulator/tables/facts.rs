//! Which tables and columns a platform has, read from `facts.txt`.

use super::super::host::Platform;

/// The facts; the file says its own form.
const FACTS: &str = include_str!("facts.txt");

/// A table as one platform has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Table {
    pub(in super::super) name: &'static str,
    pub(in super::super) columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Column {
    pub(in super::super) name: &'static str,
    /// Its type, and collation if it has one, as `SQLite` wants it.
    pub(in super::super) declaration: &'static str,
}

/// The tables of `platform`, in order of name.
pub(in super::super) fn of_platform(platform: Platform) -> Vec<Table> {
    FACTS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| table(line, platform)).collect()
}

/// Reads a line of the facts; `None` if the platform does not have the table.
fn table(line: &'static str, platform: Platform) -> Option<Table> {
    let (head, columns) = line.split_once(':')?;
    let mut words = head.split_whitespace();
    let name = words.next()?;
    words.find(|word| *word == platform.name())?;
    let columns = columns.split(',').filter_map(|text| column(text, platform)).collect();
    Some(Table { name, columns })
}

/// Reads a column; `None` if it belongs to other platforms.
fn column(text: &'static str, platform: Platform) -> Option<Column> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    let kind = words.next()?;
    let mut rest: Vec<&str> = words.collect();
    let nocase = rest.first() == Some(&"nocase");
    if nocase {
        rest.remove(0);
    }
    let ours = rest.is_empty() || rest.contains(&platform.name());
    ours.then_some(Column { name, declaration: declaration(kind, nocase) })
}

/// A column's type for `SQLite`.
fn declaration(kind: &str, nocase: bool) -> &'static str {
    match (kind, nocase) {
        ("text", true) => "TEXT COLLATE NOCASE",
        ("text", false) => "TEXT",
        ("double", _) => "DOUBLE",
        ("integer", _) => "INTEGER",
        _ => "BIGINT",
    }
}
