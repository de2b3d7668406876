//! How data is printed: JSON as it comes, or cells once all is there.

mod cells;
mod csv;
mod sheet;
mod table;

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::terminal::data;
use sheet::Sheet;

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One JSON value a line, as it comes.
    Ndjson,
    /// One JSON array.
    Json,
    /// Comma-separated values; a cell that a spreadsheet would run as a formula is prefixed with `'`.
    Csv,
    /// Columns as wide as the terminal allows.
    Table,
}

impl Format {
    /// The word of the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Table => "table",
        }
    }

    /// What a list is printed as when nobody says: a table for a person, lines for a program.
    pub(super) fn of_lists() -> Self {
        if io::stdout().is_terminal() { Self::Table } else { Self::Ndjson }
    }
}

/// Prints data in one format, from the first to the last.
#[derive(Debug)]
pub(super) enum Printer {
    /// [`Format::Ndjson`].
    Lines,
    /// [`Format::Json`].
    Array {
        /// Nothing was printed yet.
        is_empty: bool,
    },
    /// [`Format::Csv`] and [`Format::Table`].
    Sheet(Box<Sheet>),
}

impl Printer {
    /// A printer of `format`.
    ///
    /// # Errors
    /// When there is no room for the cells that wait.
    pub(super) fn new(format: Format) -> io::Result<Self> {
        Ok(match format {
            Format::Ndjson => Self::Lines,
            Format::Json => Self::Array { is_empty: true },
            Format::Csv => Self::Sheet(Box::new(Sheet::new(sheet::Style::Csv)?)),
            Format::Table => Self::Sheet(Box::new(Sheet::new(sheet::Style::Table)?)),
        })
    }

    /// Whether data is printed as a table.
    pub(super) fn is_table(&self) -> bool {
        matches!(self, Self::Sheet(sheet) if sheet.is_table())
    }

    /// Whether data is printed as rows of cells.
    pub(super) fn has_cells(&self) -> bool {
        matches!(self, Self::Sheet(_))
    }

    /// Prints an object: a value of JSON, or a row with a cell for each member.
    ///
    /// # Errors
    /// When stdout is closed, or there is no room for the cells that wait.
    pub(super) fn object(&mut self, object: Map<String, Value>) -> io::Result<()> {
        match self {
            Self::Lines => data(json_line(&Value::Object(object))),
            Self::Array { is_empty } => {
                let before = if std::mem::take(is_empty) { '[' } else { ',' };
                data(format_args!("{before}{}", json_line(&Value::Object(object))))
            }
            Self::Sheet(sheet) => sheet.add(None, object),
        }
    }

    /// Prints a row of cells behind one that says whose it is, under the heading `host`; only for cells.
    ///
    /// # Errors
    /// As [`Printer::object`].
    pub(super) fn row_of(&mut self, host: &str, row: Map<String, Value>) -> io::Result<()> {
        match self {
            Self::Sheet(sheet) => sheet.add(Some(host), row),
            Self::Lines | Self::Array { .. } => self.object(row),
        }
    }

    /// Prints what is left.
    ///
    /// # Errors
    /// As [`Printer::object`].
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Lines => Ok(()),
            Self::Array { is_empty } => data(if is_empty { "[]" } else { "]" }),
            Self::Sheet(sheet) => sheet.print(),
        }
    }
}

/// Prints one object: as a table it has a line for each member.
///
/// # Errors
/// As [`Printer::object`].
pub(super) fn print_one(format: Format, object: Map<String, Value>) -> io::Result<()> {
    let mut printer = Printer::new(format)?;
    match format {
        Format::Table => {
            for (name, value) in object {
                let row = [("field".to_owned(), Value::String(name)), ("value".to_owned(), value)];
                printer.object(row.into_iter().collect())?;
            }
        }
        Format::Json => return data(json_line(&Value::Object(object))),
        Format::Ndjson | Format::Csv => printer.object(object)?,
    }
    printer.finish()
}

/// JSON on one line, in which no character steers a terminal: the control characters that JSON may have as they are
/// (DEL and C1) are escaped too.
fn json_line(value: &Value) -> String {
    let json = value.to_string();
    if !json.contains(is_raw_control) {
        return json;
    }
    let escaped =
        |c: char| if is_raw_control(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escaped).collect()
}

fn is_raw_control(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_of_json_steers_no_terminal_and_means_the_same() {
        let value = json!({ "a": "\u{1b}[2J\u{9b}2J\u{7f}ä" });
        let line = json_line(&value);
        assert_eq!(line, r#"{"a":"\u001b[2J\u009b2J\u007fä"}"#);
        assert_eq!(serde_json::from_str::<Value>(&line).expect("it is JSON"), value);
    }
}
