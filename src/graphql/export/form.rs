//! The forms of an export.
//!
//! NDJSON: a line for each chunk of rows and each failure, and a last one with the state and the counters; each has the
//! cursor that resumes after it. JSON: the same in one document. CSV: a line for each row and each failure; its columns
//! are those of all rows that are stored when it begins, and what comes later under other names stands, as JSON, in the
//! last one, `_more`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::csv;
use super::lines::{Counters, End, Failure, FailureLine, RowsLine, Spliced, time};
use crate::fleet::campaigns::{Campaign, Event, EventBatch, EventBody, HostFailed, HostRows};
use crate::graphql::transport::encode::encode;
use crate::graphql::transport::events::one_line;

/// Columns of ours, before those of the query.
const OWN_COLUMNS: [&str; 3] = ["_host", "_hostname", "_error"];

/// The last column: what has none.
const MORE: &str = "_more";

/// A form under way.
pub(super) enum Form {
    /// Newline-delimited JSON.
    Ndjson,
    /// One JSON document.
    Json {
        /// Whether an answer was written.
        has_answers: bool,
    },
    /// A table.
    Csv {
        /// Columns of the query; none until they are known.
        columns: Option<Vec<String>>,
        /// Failures that came before them.
        waiting: Vec<Failed>,
    },
}

/// A host's failure as a line of CSV: host, its name, the error.
type Failed = [String; 3];

/// Failures that wait for the columns at most; then there are none but ours.
const WAITING: usize = 1_000;

/// Bytes of an event, about.
pub(super) fn size(event: &Event) -> usize {
    match &event.body {
        EventBody::Rows(rows) => rows.rows.len(),
        EventBody::Failure(_) | EventBody::Ended { .. } => 256,
    }
}

impl Form {
    /// `.ndjson`
    pub(super) fn ndjson() -> Self {
        Self::Ndjson
    }

    /// `.json`
    pub(super) fn json() -> Self {
        Self::Json { has_answers: false }
    }

    /// `.csv`
    pub(super) fn csv() -> Self {
        Self::Csv { columns: None, waiting: Vec::new() }
    }

    /// Its name, as in the address.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json { .. } => "json",
            Self::Csv { .. } => "csv",
        }
    }

    /// The `content-type`.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson; charset=utf-8",
            Self::Json { .. } => "application/json; charset=utf-8",
            Self::Csv { .. } => "text/csv; charset=utf-8; header=present",
        }
    }

    /// Whether it has to know the columns of all rows.
    pub(super) fn wants_columns(&self) -> bool {
        matches!(self, Self::Csv { .. })
    }

    /// Says which columns there are; without any, those of the first rows are taken.
    pub(super) fn set_columns(&mut self, known: Vec<String>) {
        if let Self::Csv { columns, .. } = self {
            *columns = (!known.is_empty()).then_some(known);
        }
    }

    /// What comes before the first answer.
    pub(super) fn begin(&mut self, campaign: &Campaign) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Ndjson | Self::Csv { columns: None, .. } => {}
            Self::Json { .. } => {
                let about = json!({
                    "id": campaign.public_id.0, "name": campaign.name, "sql": campaign.sql,
                    "createdAt": time(campaign.created_at),
                });
                out.extend_from_slice(format!("{{\"campaign\":{about},\"answers\":[").as_bytes());
            }
            Self::Csv { columns: Some(columns), .. } => head(&mut out, columns, &mut Vec::new()),
        }
        out
    }

    /// The answers of a batch.
    pub(super) fn batch(&mut self, batch: &EventBatch) -> Vec<u8> {
        let mut out = Vec::new();
        for event in &batch.events {
            match &event.body {
                EventBody::Rows(rows) => self.rows(&mut out, event, rows),
                EventBody::Failure(failed) => self.failure(&mut out, event, failed),
                // Its state and counters are those of the end.
                EventBody::Ended { .. } => {}
            }
        }
        out
    }

    /// What comes after the last answer.
    pub(super) fn end(&mut self, batch: &EventBatch) -> Vec<u8> {
        let status = batch.status.as_str().to_uppercase();
        let end = End { status, totals: Counters::from(batch.totals), cursor: &batch.end_cursor };
        let end = encode(&end);
        match self {
            Self::Ndjson => [&end, "\n".as_bytes()].concat(),
            // The members of the end go on in the object that the beginning opened.
            Self::Json { .. } => [b"\n],", &end[1..], b"\n"].concat(),
            Self::Csv { columns: Some(_), .. } => Vec::new(),
            Self::Csv { columns: None, waiting } => {
                let mut out = Vec::new();
                head(&mut out, &[], waiting);
                out
            }
        }
    }

    fn rows(&mut self, out: &mut Vec<u8>, event: &Event, rows: &HostRows) {
        let Self::Csv { columns, waiting } = self else {
            let line = RowsLine {
                host: &rows.host_public_id.0,
                hostname: &rows.hostname,
                occurred_at: time(event.occurred_at),
                chunk: rows.chunk,
                is_last_chunk: rows.is_last_chunk,
                rows_dropped: rows.rows_dropped,
                rows: Spliced(&rows.rows),
                cursor: &event.cursor,
            };
            return self.answer(out, &line);
        };
        let columns = columns.get_or_insert_with(|| {
            head(out, &rows.columns, waiting);
            rows.columns.clone()
        });
        // What is stored was made by us; a row that can't be read would be a fault of the database.
        let parsed: Vec<Map<String, Value>> = serde_json::from_slice(&rows.rows).unwrap_or_default();
        for mut row in parsed {
            let values: Vec<_> = columns.iter().map(|column| row.shift_remove(column)).collect();
            let more = (!row.is_empty()).then(|| Value::Object(row).to_string());
            let own = [Some(rows.host_public_id.0.as_str()), Some(rows.hostname.as_str()), None];
            let cells = values.iter().map(|value| value.as_ref().and_then(Value::as_str));
            csv::line(out, own.into_iter().chain(cells).chain([more.as_deref()]));
        }
    }

    fn failure(&mut self, out: &mut Vec<u8>, event: &Event, failed: &HostFailed) {
        let code = failed.failure.code.as_str().to_uppercase();
        let Self::Csv { columns, waiting } = self else {
            let line = FailureLine {
                host: &failed.host_public_id.0,
                hostname: &failed.hostname,
                occurred_at: time(event.occurred_at),
                error: Failure { code, message: &failed.failure.message },
                cursor: &event.cursor,
            };
            return self.answer(out, &line);
        };
        let error = format!("{code}: {}", failed.failure.message);
        let line = [failed.host_public_id.0.clone(), failed.hostname.clone(), error];
        match columns {
            Some(columns) => failed_line(out, &line, columns.len()),
            None if waiting.len() < WAITING => waiting.push(line),
            None => {
                waiting.push(line);
                head(out, &[], waiting);
                *columns = Some(Vec::new());
            }
        }
    }

    fn answer(&mut self, out: &mut Vec<u8>, answer: &impl Serialize) {
        let answer = one_line(encode(answer));
        match self {
            Self::Json { has_answers } => {
                out.extend_from_slice(if std::mem::replace(has_answers, true) { b",\n" } else { b"\n" });
                out.extend(answer);
            }
            Self::Ndjson | Self::Csv { .. } => {
                out.extend(answer);
                out.push(b'\n');
            }
        }
    }
}

/// The line with the names of columns, and the failures that waited for it.
fn head(out: &mut Vec<u8>, columns: &[String], waiting: &mut Vec<Failed>) {
    let names = columns.iter().map(String::as_str);
    csv::line(out, OWN_COLUMNS.into_iter().chain(names).chain([MORE]).map(Some));
    for failed in waiting.drain(..) {
        failed_line(out, &failed, columns.len());
    }
}

fn failed_line(out: &mut Vec<u8>, failed: &Failed, columns: usize) {
    let own = failed.iter().map(|cell| Some(cell.as_str()));
    csv::line(out, own.chain(std::iter::repeat_n(None, columns + 1)));
}
