//! The columns of an answer, and its cells in their order.

use std::collections::HashMap;

use super::is_empty_by_custom;
use crate::agent::json::{self, Malformed};

/// Columns of an answer at most; SQLite gives no more.
pub(super) const MAX_COLUMNS: usize = 2000;

/// The columns seen so far.
#[derive(Default)]
pub(super) struct Columns {
    /// Names in order of first appearance.
    pub(super) names: Vec<String>,
    /// Each name as the agent wrote it, quotes and all: rows repeat them, so most are found by comparing.
    written: Vec<String>,
    /// Each name and a colon, as we write it.
    encoded: Vec<Vec<u8>>,
    by_name: HashMap<String, usize>,
}

impl Columns {
    /// The cells of a row by column, in column order; of a repeated column the last.
    pub(super) fn cells<'a>(&mut self, row: &'a str) -> Result<Vec<(usize, &'a str)>, Malformed> {
        let mut cells: Vec<(usize, &str)> = Vec::with_capacity(self.names.len());
        if is_empty_by_custom(row) && row != "null" {
            return Ok(cells);
        }
        let mut expected = 0;
        json::members(row, |name, value| {
            let column = self.column(expected, name);
            expected = column + 1;
            cells.push((column, value));
        })?;
        if self.names.len() > MAX_COLUMNS {
            return Err(Malformed);
        }
        if !cells.is_sorted_by(|one, next| one.0 < next.0) {
            cells.reverse();
            cells.sort_by_key(|(column, _)| *column);
            cells.dedup_by_key(|(column, _)| *column);
        }
        Ok(cells)
    }

    /// The column of a name, most likely the expected one; a new one at the end.
    fn column(&mut self, expected: usize, written: &str) -> usize {
        if self.written.get(expected).is_some_and(|known| known == written) {
            return expected;
        }
        let name = json::string(written).unwrap_or_default().into_owned();
        if let Some(column) = self.by_name.get(&name) {
            return *column;
        }
        let column = self.names.len();
        let mut encoded = Vec::with_capacity(written.len() + 1);
        write_string(&mut encoded, &name);
        encoded.push(b':');
        self.encoded.push(encoded);
        self.written.push(written.to_owned());
        self.by_name.insert(name.clone(), column);
        self.names.push(name);
        column
    }

    /// Writes a row as an object.
    pub(super) fn write_row(&self, cells: &[(usize, &str)], out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (column, value)) in cells.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.encoded[*column]);
            write_value(out, value);
        }
        out.push(b'}');
    }
}

/// Writes a value as a string or null: strings stay, numbers and booleans become text, nested values keep their
/// JSON as text.
fn write_value(out: &mut Vec<u8>, value: &str) {
    match value.as_bytes().first() {
        Some(b'n') => out.extend_from_slice(b"null"),
        // Only these escapes can stand for what is no valid text.
        Some(b'"') if !value.contains("\\u") => out.extend_from_slice(value.as_bytes()),
        Some(b'"') => write_string(out, &json::string(value).unwrap_or_default()),
        _ => write_string(out, value),
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text is JSON, and a Vec takes all");
}
