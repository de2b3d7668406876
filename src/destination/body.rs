//! Bodies of HTTP requests in the forms that receivers know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Failure;
use super::envelope::{Line, rfc3339};
use super::http::HttpTarget;

/// Form of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A line a line.
    #[default]
    Ndjson,
    /// One array.
    JsonArray,
    /// Events of Splunk's HTTP event collector.
    SplunkHec,
    /// A bulk request of Elasticsearch and `OpenSearch`, whose documents have the line id for an id.
    Elasticsearch,
    /// A push to Loki: a stream a kind and team.
    Loki,
}

impl Form {
    /// What it is called in a header.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson | Self::Elasticsearch => "application/x-ndjson",
            Self::JsonArray | Self::SplunkHec | Self::Loki => "application/json",
        }
    }
}

/// The body with these lines.
pub(super) fn of(target: &HttpTarget, lines: &[Line]) -> Vec<u8> {
    match target.format {
        Form::Ndjson => joined(lines.iter().map(|line| target.content.text(line)), b"", b"\n", b"\n"),
        Form::JsonArray => joined(lines.iter().map(|line| target.content.text(line)), b"[", b",", b"]"),
        Form::SplunkHec => splunk(target, lines),
        Form::Elasticsearch => bulk(target, lines),
        Form::Loki => loki(target, lines),
    }
}

fn joined<'a>(texts: impl Iterator<Item = &'a [u8]>, first: &[u8], between: &[u8], last: &[u8]) -> Vec<u8> {
    let mut body = first.to_vec();
    for (at, text) in texts.enumerate() {
        if at > 0 {
            body.extend_from_slice(between);
        }
        body.extend_from_slice(text);
    }
    body.extend_from_slice(last);
    body
}

/// The envelope as JSON that goes into other JSON as it is.
fn raw(line: &Line) -> &RawValue {
    serde_json::from_slice(&line.text).expect("an envelope is a JSON object")
}

fn splunk(target: &HttpTarget, lines: &[Line]) -> Vec<u8> {
    #[derive(Serialize)]
    #[expect(clippy::struct_field_names, reason = "the members have the names that the receiver knows")]
    struct Event<'a> {
        time: f64,
        host: &'a str,
        source: &'a str,
        sourcetype: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<&'a str>,
        event: &'a RawValue,
    }
    let mut body = Vec::new();
    for line in lines {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a double")]
        let event = Event {
            time: line.received_at.0 as f64 / 1_000.0,
            host: line.hostname.as_deref().unwrap_or("muster"),
            source: "muster",
            sourcetype: format!("osquery:{}", line.kind.as_str()),
            index: target.index.as_deref(),
            event: raw(line),
        };
        serde_json::to_writer(&mut body, &event).expect("texts and JSON are JSON, and a Vec takes all");
        body.push(b'\n');
    }
    body
}

fn bulk(target: &HttpTarget, lines: &[Line]) -> Vec<u8> {
    let index = target.index.as_deref().unwrap_or_default();
    let mut body = Vec::new();
    for line in lines {
        let action = json!({ "create": { "_index": index, "_id": line.id } });
        body.extend_from_slice(action.to_string().as_bytes());
        // What every document of a data stream has.
        let time = format!("\n{{\"@timestamp\":\"{}\",", rfc3339(line.received_at));
        body.extend_from_slice(time.as_bytes());
        body.extend_from_slice(&line.text[1..]);
        body.push(b'\n');
    }
    body
}

fn loki(target: &HttpTarget, lines: &[Line]) -> Vec<u8> {
    let mut streams: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for line in lines {
        let nanoseconds = format!("{}000000", line.received_at.0);
        let metadata = json!({
            "host": line.host.as_deref().unwrap_or_default(),
            "hostname": line.hostname.as_deref().unwrap_or_default(),
            "line_id": line.id,
        });
        let entry = json!([nanoseconds, String::from_utf8_lossy(&line.text), metadata]);
        streams.entry((line.kind.as_str(), line.team.as_deref().unwrap_or("none"))).or_default().push(entry);
    }
    let stream = |((kind, team), values): ((&str, &str), Vec<Value>)| {
        let mut labels = json!({ "job": "muster", "kind": kind, "team": team });
        for (name, value) in &target.labels {
            labels[name] = value.as_str().into();
        }
        json!({ "stream": labels, "values": values })
    };
    let streams: Vec<Value> = streams.into_iter().map(stream).collect();
    json!({ "streams": streams }).to_string().into_bytes()
}

/// Answer to a bulk request.
#[derive(Deserialize)]
struct BulkAnswer {
    #[serde(default)]
    errors: bool,
    #[serde(default)]
    items: Vec<BTreeMap<String, BulkItem>>,
}

#[derive(Deserialize)]
struct BulkItem {
    status: u16,
}

/// What became of each document: one that is there already came twice, and is fine.
pub(super) fn bulk_outcome(body: &[u8], lines: usize) -> Result<(), Failure> {
    let answer: BulkAnswer =
        serde_json::from_slice(body).map_err(|_| Failure::retry("its answer is none to a bulk request"))?;
    if !answer.errors {
        return Ok(());
    }
    if answer.items.len() != lines {
        return Err(Failure::retry("its answer does not tell of every line"));
    }
    let (mut again, mut refused) = (Vec::new(), Vec::new());
    let statuses = answer.items.iter().map(|item| item.values().next().map_or(500, |item| item.status));
    for (at, status) in statuses.enumerate() {
        match status {
            200..=299 | 409 => {}
            408 | 429 | 500..=599 => again.push(at),
            _ => refused.push((at, format!("the document was answered {status}"))),
        }
    }
    if again.is_empty() && refused.is_empty() {
        return Ok(());
    }
    Err(Failure::Partly { again, refused, reason: "some documents were not taken".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::lines;
    use crate::spool::LogKind;
    use crate::spool::testing::batch;

    fn body(options: &str) -> String {
        let target = toml::from_str(&format!("url = 'https://sink.example/x'\n{options}")).expect("valid");
        let batch = batch(LogKind::Result, "{\"a\":1.50}\n{\"a\":\"</x>\\u0000\"}\n");
        String::from_utf8(of(&target, &lines(&batch))).expect("UTF-8")
    }

    #[test]
    fn plain_forms() {
        assert_eq!(body("content = 'raw'"), "{\"a\":1.50}\n{\"a\":\"</x>\\u0000\"}\n");
        assert_eq!(body("format = 'json-array'\ncontent = 'raw'"), "[{\"a\":1.50},{\"a\":\"</x>\\u0000\"}]");
    }

    #[test]
    fn events_of_splunk_follow_each_other() {
        let text = body("format = 'splunk-hec'\nindex = 'os'");
        let events: Vec<Value> =
            serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().expect("JSON");
        assert_eq!(events.len(), 2);
        assert_eq!((&events[0]["host"], &events[0]["index"]), (&json!("web \"1\""), &json!("os")));
        assert_eq!(events[0]["time"].to_string(), "1700000000.123");
        assert_eq!(events[0]["sourcetype"], "osquery:result");
        assert!(text.contains("\"line\":{\"a\":1.50}"), "the line is as it came");
    }

    #[test]
    fn documents_have_the_line_id() {
        let text = body("format = 'elasticsearch'\nindex = 'logs-osquery'");
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[0]["create"]["_index"], "logs-osquery");
        assert_eq!(rows[0]["create"]["_id"], rows[1]["line_id"]);
        assert_eq!(rows[1]["@timestamp"], "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn streams_of_loki_are_of_kind_and_team() {
        let push: Value =
            serde_json::from_str(&body("format = 'loki'\nlabels = { env = 'test' }")).expect("JSON");
        let stream = &push["streams"][0];
        let labels = json!({ "job": "muster", "kind": "result", "team": "tem_2", "env": "test" });
        assert_eq!(stream["stream"], labels);
        assert_eq!(stream["values"][0][0], "1700000000123000000");
        assert_eq!(stream["values"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn each_document_has_its_own_fate() {
        let answer = br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409}},{"create":{"status":429}},{"create":{"status":400}}]}"#;
        let Err(Failure::Partly { again, refused, .. }) = bulk_outcome(answer, 4) else {
            panic!("some were not taken")
        };
        assert_eq!((again, refused.len(), refused[0].0), (vec![2], 1, 3));
        assert_eq!(bulk_outcome(br#"{"errors":false}"#, 4), Ok(()));
        assert!(matches!(bulk_outcome(br#"{"errors":true,"items":[]}"#, 4), Err(Failure::Retry(..))));
        assert!(matches!(bulk_outcome(b"<html>", 4), Err(Failure::Retry(..))));
    }
}
