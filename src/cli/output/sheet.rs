//! Rows of cells that wait until all are there: only then are the columns known, and how wide they are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, IsTerminal as _, Seek as _, Write as _};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cells::text;
use super::csv;
use super::table::{self, Column, Table};
use crate::cli::terminal::{self, data};

/// The heading of the cell that says whose a row is.
const HOST: &str = "host";

/// How cells are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Comma-separated values.
    Csv,
    /// A table.
    Table,
}

/// Rows that wait, in a temporary file: they may be more than memory holds.
#[derive(Debug)]
pub(in crate::cli) struct Sheet {
    style: Style,
    /// In the order in which they came; the cell of the host is not among them.
    columns: Vec<String>,
    /// The width of each column, in characters.
    widths: Vec<usize>,
    /// The width of the cells of hosts; none when no row has one.
    host_width: Option<usize>,
    rows: BufWriter<File>,
}

/// A row in the file.
#[derive(Debug, Deserialize, Serialize)]
struct Row<'a> {
    host: Option<Cow<'a, str>>,
    cells: Map<String, Value>,
}

impl Sheet {
    pub(super) fn new(style: Style) -> io::Result<Self> {
        let rows = BufWriter::new(tempfile::tempfile()?);
        Ok(Self { style, columns: Vec::new(), widths: Vec::new(), host_width: None, rows })
    }

    /// Whether it is printed as a table.
    pub(super) fn is_table(&self) -> bool {
        self.style == Style::Table
    }

    /// Adds a row, perhaps of a host; columns that are new stand last.
    pub(super) fn add(&mut self, host: Option<&str>, cells: Map<String, Value>) -> io::Result<()> {
        for (column, value) in &cells {
            let width = table::width(&text(value));
            if let Some(at) = self.columns.iter().position(|known| known == column) {
                self.widths[at] = self.widths[at].max(width);
            } else {
                self.columns.push(column.clone());
                self.widths.push(width.max(table::width(column)));
            }
        }
        if let Some(host) = host {
            self.host_width = self.host_width.max(Some(table::width(host).max(HOST.len())));
        }
        let row = Row { host: host.map(Cow::Borrowed), cells };
        serde_json::to_writer(&mut self.rows, &row)?;
        self.rows.write_all(b"\n")
    }

    /// Prints the heading and every row; nothing when there was no row.
    pub(super) fn print(mut self) -> io::Result<()> {
        self.rows.flush()?;
        let Self { style, columns, widths, host_width, rows } = self;
        if columns.is_empty() && host_width.is_none() {
            return Ok(());
        }
        let mut file = rows.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let has_host = host_width.is_some();
        let host = host_width.map(|width| Column { width, is_whole: false });
        let others = columns.iter().zip(widths).map(|(name, width)| Column { width, is_whole: name == "id" });
        let table = Table::new(&host.into_iter().chain(others).collect::<Vec<_>>(), terminal::width());
        let line = |cells: Vec<Cow<'_, str>>| match style {
            // A file keeps what a host said to the byte; a terminal is not steered by it.
            Style::Csv if io::stdout().is_terminal() => {
                csv::line(cells.into_iter()).replace(|c: char| c.is_control() && c != '\n', " ")
            }
            Style::Csv => csv::line(cells.into_iter()),
            Style::Table => table.line(cells.into_iter()),
        };
        let first = has_host.then_some(Cow::Borrowed(HOST)).into_iter();
        let heading =
            line(first.chain(columns.iter().map(|column| Cow::Borrowed(column.as_str()))).collect());
        match style {
            Style::Csv => data(heading)?,
            Style::Table => data(terminal::styled(&heading, 1, &io::stdout()))?,
        }
        for row in BufReader::new(file).lines() {
            let row = row?;
            let Row { host, cells } = serde_json::from_str(&row)?;
            let first = has_host.then(|| host.unwrap_or_default()).into_iter();
            let others = columns.iter().map(|column| cells.get(column).map_or(Cow::Borrowed(""), text));
            data(line(first.chain(others).collect()))?;
        }
        Ok(())
    }
}
