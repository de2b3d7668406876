//! The bodies that agents send, in the form of their version.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;

use super::catalog::Version;
use super::engine::AnswerRow;
use super::evaluator::Answer;
use super::host::Host;

/// The first version that sends typed JSON; before, numbers are texts and empty lists and objects empty texts.
const TYPED: Version = Version(3, 2, 0);

/// The first version that sends `messages`.
const MESSAGES: Version = Version(4, 4, 0);

/// The first version that sends `stats`.
const STATS: Version = Version(5, 8, 0);

/// The first version whose status lines are typed.
const TYPED_STATUS: Version = Version(5, 10, 0);

/// The first version that sends the node key as a header too.
const KEY_HEADER: Version = Version(5, 23, 0);

/// Where agents of a version send their requests: old ones keep the paths of before.
pub(super) fn prefix(version: Version) -> &'static str {
    if version >= MESSAGES { "/api/osquery" } else { "/api/v1/osquery" }
}

/// Whether a version sends its node key as a header.
pub(super) fn sends_key_header(version: Version) -> bool {
    version >= KEY_HEADER
}

/// The body of an enrollment; `details` has the first row of a few tables.
pub(super) fn enroll(host: &Host, secret: &str, details: &Map<String, Value>) -> Vec<u8> {
    encode(&json!({
        "enroll_secret": secret,
        "host_identifier": host.uuid,
        "platform_type": host.platform.mask().to_string(),
        "host_details": details,
    }))
}

/// The body of a request that only says who asks.
pub(super) fn who(node_key: &str) -> Vec<u8> {
    encode(&json!({ "node_key": node_key }))
}

/// The body of a write. The node key stands last.
pub(super) fn write(version: Version, answers: &BTreeMap<String, Answer>, node_key: &str) -> Vec<u8> {
    encode(&Write {
        queries: answers.iter().map(|(id, answer)| (id, Rows::of(version, answer))).collect(),
        statuses: answers.iter().map(|(id, answer)| (id, status(version, answer))).collect(),
        messages: (version >= MESSAGES)
            .then(|| answers.iter().map(|(id, answer)| (id, message(answer))).collect()),
        stats: (version >= STATS).then(|| answers.iter().map(|(id, answer)| (id, stats(answer))).collect()),
        node_key,
    })
}

/// A write, in osquery's order of members.
#[derive(Serialize)]
struct Write<'a> {
    queries: BTreeMap<&'a String, Rows<'a>>,
    statuses: BTreeMap<&'a String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<BTreeMap<&'a String, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<BTreeMap<&'a String, Value>>,
    node_key: &'a str,
}

/// The rows of an answer: a list, or the empty text of old versions.
#[derive(Serialize)]
#[serde(untagged)]
enum Rows<'a> {
    List(&'a [AnswerRow]),
    Text(&'static str),
}

impl<'a> Rows<'a> {
    /// The rows of an answer; none if it failed.
    fn of(version: Version, answer: &'a Answer) -> Self {
        let rows = answer.result.as_deref().unwrap_or_default();
        if rows.is_empty() && version < TYPED { Self::Text("") } else { Self::List(rows) }
    }
}

/// 0 for success, 1 for failure.
fn status(version: Version, answer: &Answer) -> Value {
    number(version >= TYPED, i64::from(answer.result.is_err()))
}

/// The text of the error, or none.
fn message(answer: &Answer) -> &str {
    answer.result.as_ref().err().map_or("", String::as_str)
}

/// What the query cost.
fn stats(answer: &Answer) -> Value {
    let millis = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX);
    json!({ "wall_time_ms": millis, "user_time": millis, "system_time": 0, "memory": 0 })
}

/// Which log a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// What the agent says about itself.
    Status,
    /// Results of scheduled queries.
    Result,
}

/// The body of a log request. The node key stands last.
pub(super) fn log(version: Version, log: Log, lines: &[Value], node_key: &str) -> Vec<u8> {
    let data = if lines.is_empty() && version < TYPED { json!("") } else { json!(lines) };
    let kind = match log {
        Log::Status => "status",
        Log::Result => "result",
    };
    encode(&json!({ "data": data, "log_type": kind, "node_key": node_key }))
}

/// A line of the status log.
pub(super) fn status_line(host: &Host, now: Timestamp, message: &str) -> Value {
    let typed = host.osquery >= TYPED_STATUS;
    json!({
        "hostIdentifier": host.uuid,
        "calendarTime": calendar_time(now),
        "unixTime": number(typed, now.0 / 1000),
        "severity": number(typed, 0),
        "filename": "scheduler.cpp",
        "line": number(typed, 130),
        "message": message,
        "version": host.osquery.to_string(),
    })
}

/// A line of the result log: one row that was added, in the run number `counter`.
pub(super) fn result_line(
    host: &Host,
    now: Timestamp,
    name: &str,
    counter: i64,
    columns: &AnswerRow,
) -> Value {
    let typed = host.osquery >= TYPED;
    json!({
        "name": name,
        "hostIdentifier": host.uuid,
        "calendarTime": calendar_time(now),
        "unixTime": number(typed, now.0 / 1000),
        "epoch": number(typed, 0),
        "counter": number(typed, counter),
        "numerics": if typed { json!(false) } else { json!("false") },
        "columns": columns,
        "action": "added",
    })
}

/// A run of a scheduled query.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    /// The name under which it is logged.
    pub(super) name: &'a str,
    /// Its number; 0 says everything.
    pub(super) counter: i64,
    /// When it was.
    pub(super) now: Timestamp,
}

/// A line of the result log: one row, as JSON text, that came or went.
pub(super) fn row_line(host: &Host, run: Run<'_>, action: &str, row: &str) -> Value {
    let columns: AnswerRow = serde_json::from_str(row).unwrap_or_default();
    let mut line = result_line(host, run.now, run.name, run.counter, &columns);
    line["action"] = action.into();
    line
}

/// A line of the result log: every row of a run.
pub(super) fn snapshot_line(host: &Host, run: Run<'_>, rows: &[AnswerRow]) -> Value {
    let mut line = result_line(host, run.now, run.name, run.counter, &AnswerRow::new());
    if let Some(members) = line.as_object_mut() {
        members.shift_remove("columns");
        members.insert("snapshot".to_owned(), json!(rows));
        members.insert("action".to_owned(), "snapshot".into());
    }
    line
}

/// A number, or its text.
fn number(typed: bool, number: i64) -> Value {
    if typed { json!(number) } else { json!(number.to_string()) }
}

/// A time as `Tue Sep 30 17:37:30 2014 UTC`.
fn calendar_time(now: Timestamp) -> String {
    let utc = chrono::DateTime::from_timestamp_millis(now.0).unwrap_or_default();
    utc.format("%a %b %e %H:%M:%S %Y UTC").to_string()
}

/// The JSON text of a body.
fn encode(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("maps with text keys can be encoded")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::catalog::CURRENT;
    use super::*;

    fn answers() -> BTreeMap<String, Answer> {
        let answer = |result| Answer { result, took: Duration::from_millis(7) };
        let row = json!({ "pid": "1", "name": "init" });
        BTreeMap::from([
            ("q1".to_owned(), answer(Ok(vec![row.as_object().cloned().unwrap_or_default()]))),
            ("q2".to_owned(), answer(Ok(Vec::new()))),
            ("q3".to_owned(), answer(Err("no such table: x".to_owned()))),
        ])
    }

    fn written(version: Version) -> String {
        String::from_utf8(write(version, &answers(), "key")).unwrap_or_default()
    }

    #[test]
    fn a_write_has_the_form_of_its_version() {
        let rows = r#"{"queries":{"q1":[{"pid":"1","name":"init"}],"#;
        assert_eq!(
            written(Version(3, 1, 0)),
            format!(
                r#"{rows}"q2":"","q3":""}},"statuses":{{"q1":"0","q2":"0","q3":"1"}},"node_key":"key"}}"#
            )
        );
        assert_eq!(
            written(Version(4, 3, 0)),
            format!(r#"{rows}"q2":[],"q3":[]}},"statuses":{{"q1":0,"q2":0,"q3":1}},"node_key":"key"}}"#)
        );
        let new = written(Version(5, 23, 1));
        assert!(new.starts_with(&format!(
            r#"{rows}"q2":[],"q3":[]}},"statuses":{{"q1":0,"q2":0,"q3":1}},"messages":"#
        )));
        assert!(new.contains(
            r#""messages":{"q1":"","q2":"","q3":"no such table: x"},"stats":{"q1":{"wall_time_ms":7,"#
        ));
        assert!(new.ends_with(r#","node_key":"key"}"#));
    }

    #[test]
    fn log_lines_have_the_form_of_their_version() {
        let line = |version: Version| {
            status_line(&Host::new(1, 0, &[version]), Timestamp(1_412_098_650_000), "hello").to_string()
        };
        assert!(line(Version(4, 3, 0)).contains(r#""unixTime":"1412098650","severity":"0""#));
        assert!(
            line(CURRENT[0])
                .contains(r#""calendarTime":"Tue Sep 30 17:37:30 2014 UTC","unixTime":1412098650,"#)
        );
        assert_eq!(
            log(Version(3, 1, 0), Log::Result, &[], "k"),
            br#"{"data":"","log_type":"result","node_key":"k"}"#
        );
        assert_eq!(
            log(CURRENT[0], Log::Status, &[], "k"),
            br#"{"data":[],"log_type":"status","node_key":"k"}"#
        );
    }
}
