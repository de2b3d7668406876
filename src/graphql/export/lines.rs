//! What stands in a line of NDJSON, or in an item of the JSON document.

use async_graphql::ScalarType;
use serde::{Serialize, Serializer};

use crate::clock::Timestamp;
use crate::fleet::campaigns::Totals;
use crate::graphql::scalars::DateTime;

/// A time as the API shows it.
pub(super) fn time(at: Timestamp) -> String {
    match ScalarType::to_value(&DateTime(at)) {
        async_graphql::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// JSON that is written as it is.
pub(super) struct Spliced<'a>(pub(super) &'a [u8]);

impl Serialize for Spliced<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// A chunk of rows of a host.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowsLine<'a> {
    pub(super) host: &'a str,
    pub(super) hostname: &'a str,
    pub(super) occurred_at: String,
    pub(super) chunk: i64,
    pub(super) is_last_chunk: bool,
    pub(super) rows_dropped: i64,
    pub(super) rows: Spliced<'a>,
    pub(super) cursor: &'a str,
}

/// A failure of a host.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailureLine<'a> {
    pub(super) host: &'a str,
    pub(super) hostname: &'a str,
    pub(super) occurred_at: String,
    pub(super) error: Failure<'a>,
    pub(super) cursor: &'a str,
}

/// Why it failed.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    pub(super) code: String,
    pub(super) message: &'a str,
}

/// The last words: as of the last answer.
#[derive(Serialize)]
pub(super) struct End<'a> {
    pub(super) status: String,
    pub(super) totals: Counters,
    pub(super) cursor: &'a str,
}

/// The counters of the campaign, of what the viewer may see.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counters {
    pub(super) targeted: i64,
    pub(super) responded: i64,
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    pub(super) outstanding: i64,
    pub(super) rows: i64,
    pub(super) rows_dropped: i64,
}

impl From<Totals> for Counters {
    fn from(totals: Totals) -> Self {
        Self {
            targeted: totals.targeted,
            responded: totals.responded(),
            succeeded: totals.succeeded,
            failed: totals.failed,
            outstanding: totals.outstanding(),
            rows: totals.rows,
            rows_dropped: totals.rows_dropped,
        }
    }
}
