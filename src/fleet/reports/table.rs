//! The rows of reports as a table: chosen by conditions on columns, sorted by a column, in pages.
//!
//! Rows are kept as they came, so they are read to be looked at. A page in the order of reports reads on from where the
//! one before ended, and a bounded number of bytes: it may hold fewer rows than were asked for while more follow. A page
//! in the order of a column reads all rows there are, keeps the first ones of them, and is refused where they are too
//! many. A row has its place by what it says: rows that come or go meanwhile move no other.

mod pages;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;
use entity::id::{HostId, ReportId};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Report;
/// Bytes of a value, or of a row, that decide its place.
const PREFIX: usize = 256;

/// Which rows, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowQuery {
    /// Conditions that a row must all meet.
    pub conditions: Vec<RowCondition>,
    /// The order; none for that of reports.
    pub sort: Option<RowSort>,
}

/// A condition on a column. A row without the column meets none but [`RowOperator::NotEquals`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowCondition {
    /// The column.
    pub column: String,
    /// How it is compared.
    pub operator: RowOperator,
    /// What with.
    pub value: String,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RowOperator {
    /// The same text.
    Equals,
    /// Another text.
    NotEquals,
    /// It has the text somewhere, in any case.
    Contains,
    /// It begins with the text, in any case.
    StartsWith,
    /// It comes after: as a number where both are numbers, else as a text.
    GreaterThan,
    /// It comes before, likewise.
    LessThan,
}

/// An order by a column: rows without it, numbers by value, then texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowSort {
    /// The column.
    pub column: String,
    /// The largest first.
    pub descending: bool,
}

/// A row of a report.
#[derive(Clone, Debug)]
pub struct ReportRow {
    /// The report.
    pub report: ReportId,
    /// Its host.
    pub host: HostId,
    /// The row, as a JSON object.
    pub row: Bytes,
    /// Where to read on after it.
    pub cursor: String,
}

/// A page of rows.
#[derive(Clone, Debug, Default)]
pub struct RowPage {
    /// The rows, in order.
    pub rows: Vec<ReportRow>,
    /// Where to read on, perhaps behind the last row; none where nothing follows and there is no row.
    pub end_cursor: Option<String>,
    /// There may be more.
    pub more: bool,
}

/// What a row is sorted by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Cell {
    Missing,
    Number(#[serde(with = "bits")] f64),
    Text(String),
    /// Behind everything.
    End,
}

/// A number as it is, bit by bit.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        number.to_bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    cell: Cell,
    report: i64,
    /// Tells rows of one report apart.
    row: u64,
}

/// A row that is looked at.
struct Found {
    place: Place,
    host: HostId,
    row: Box<RawValue>,
}

impl Cell {
    fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Missing,
            Some(Value::String(text)) => Self::of_text(text),
            Some(other) => Self::of_text(&other.to_string()),
        }
    }

    fn of_text(text: &str) -> Self {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.map_or_else(|| Self::Text(prefix(text).to_owned()), Self::Number)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::End => 3,
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (one, other) => one.rank().cmp(&other.rank()),
        }
    }
}

impl RowQuery {
    /// The order of two places.
    fn order(&self, one: &Place, other: &Place) -> Ordering {
        let in_report = || one.cell.order(&other.cell);
        let of_report = || one.report.cmp(&other.report);
        let of_row = || one.row.cmp(&other.row);
        match &self.sort {
            None => of_report().then_with(in_report).then_with(of_row),
            Some(sort) => {
                let order = in_report().then_with(of_report).then_with(of_row);
                if sort.descending { order.reverse() } else { order }
            }
        }
    }

    fn place(&self, report: ReportId, text: &str, row: &Map<String, Value>) -> Place {
        let hash = digest(&SHA256, text.as_bytes());
        let hash = hash.as_ref().first_chunk().copied().unwrap_or_default();
        let cell = match &self.sort {
            None => Cell::Text(prefix(text).to_owned()),
            Some(sort) => Cell::of(row.get(&sort.column)),
        };
        Place { cell, report: report.0, row: u64::from_be_bytes(hash) }
    }

    fn takes(&self, row: &Map<String, Value>) -> bool {
        self.conditions.iter().all(|condition| condition.is_met(row.get(&condition.column)))
    }

    /// The rows of a report behind `after` that are wanted.
    fn of_report(&self, report: &Report, after: Option<&Place>) -> Vec<Found> {
        // What is stored was made by us; rows that can't be read would be a fault of the database.
        let rows: Vec<Box<RawValue>> = serde_json::from_slice(&report.rows).unwrap_or_default();
        let found = rows.into_iter().filter_map(|text| {
            let row: Map<String, Value> = serde_json::from_str(text.get()).ok()?;
            let place = self.place(report.id, text.get(), &row);
            let is_behind = after.is_none_or(|after| self.order(&place, after) == Ordering::Greater);
            (is_behind && self.takes(&row)).then_some(Found { place, host: report.host_id, row: text })
        });
        found.collect()
    }
}

impl RowCondition {
    fn is_met(&self, value: Option<&Value>) -> bool {
        let text = match value {
            None | Some(Value::Null) => return self.operator == RowOperator::NotEquals,
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let any_case = |text: &str| text.to_lowercase();
        match self.operator {
            RowOperator::Equals => text == self.value,
            RowOperator::NotEquals => text != self.value,
            RowOperator::Contains => any_case(&text).contains(&any_case(&self.value)),
            RowOperator::StartsWith => any_case(&text).starts_with(&any_case(&self.value)),
            RowOperator::GreaterThan => self.compare(&text) == Ordering::Greater,
            RowOperator::LessThan => self.compare(&text) == Ordering::Less,
        }
    }

    fn compare(&self, text: &str) -> Ordering {
        match (Cell::of_text(text), Cell::of_text(&self.value)) {
            (Cell::Number(one), Cell::Number(other)) => one.total_cmp(&other),
            _ => text.cmp(self.value.as_str()),
        }
    }
}

/// The beginning of a text, whole characters of it.
fn prefix(text: &str) -> &str {
    &text[..text.floor_char_boundary(PREFIX)]
}

/// The columns of the rows of reports, each once, in order of their first appearance; so many at most.
pub(super) fn columns(rows: &[u8], known: &mut BTreeMap<String, usize>, most: usize) {
    let rows: Vec<Map<String, Value>> = serde_json::from_slice(rows).unwrap_or_default();
    for column in rows.into_iter().flat_map(|row| row.into_iter().map(|(column, _)| column)) {
        let next = known.len();
        if next < most || known.contains_key(&column) {
            known.entry(column).or_insert(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(operator: RowOperator, value: &str) -> RowCondition {
        RowCondition { column: "a".to_owned(), operator, value: value.to_owned() }
    }

    #[test]
    fn conditions_compare_numbers_as_numbers() {
        for (operator, value, cell, met) in [
            (RowOperator::Equals, "9", json!("9"), true),
            (RowOperator::Equals, "9", json!("9.0"), false),
            (RowOperator::NotEquals, "9", json!(null), true),
            (RowOperator::Contains, "ROO", json!("a root"), true),
            (RowOperator::StartsWith, "ROO", json!("a root"), false),
            (RowOperator::GreaterThan, "9", json!("10"), true),
            (RowOperator::LessThan, "9", json!("10"), false),
            (RowOperator::LessThan, "b", json!("a"), true),
            (RowOperator::GreaterThan, "9", json!(null), false),
        ] {
            assert_eq!(condition(operator, value).is_met(Some(&cell)), met, "{operator:?} {value} {cell}");
        }
        assert!(!condition(RowOperator::Equals, "").is_met(None));
    }

    #[test]
    fn an_order_is_total() {
        let cells = [Value::Null, json!("-1"), json!("2"), json!("10"), json!("a"), json!("b")];
        let cells: Vec<Cell> = cells.iter().map(|value| Cell::of(Some(value))).chain([Cell::End]).collect();
        for pair in cells.windows(2) {
            assert_eq!(pair[0].order(&pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(prefix(&"é".repeat(PREFIX)).len(), PREFIX);
        assert_eq!(prefix(&format!("a{}", "é".repeat(PREFIX))).len(), PREFIX - 1);
    }
}
