//! A line as it is shipped: the agent's own text in an envelope of host, team, received time, batch and line id.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::spool::{Batch, LogKind};

/// What stands for a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// The line in its envelope.
    #[default]
    Envelope,
    /// The line as the agent sent it.
    Raw,
}

impl Content {
    /// What stands for a line, without a line feed.
    pub(super) fn text(self, line: &Line) -> &[u8] {
        match self {
            Self::Envelope => &line.text,
            Self::Raw => &line.raw,
        }
    }
}

/// A line, ready to be shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What line it is.
    pub kind: LogKind,
    /// When it came.
    pub received_at: Timestamp,
    /// Outside id of its host, if it has one.
    pub host: Option<Arc<str>>,
    /// Name of its host.
    pub hostname: Option<Arc<str>>,
    /// Outside id of its team, if it has one.
    pub team: Option<Arc<str>>,
    /// Outside id of its batch.
    pub batch: Arc<str>,
    /// The same for the same line of the same host, however often it is sent.
    pub id: String,
    /// The line as it came.
    pub raw: bytes::Bytes,
    /// The line in its envelope: one JSON object, in one line, without a line feed.
    pub text: Vec<u8>,
}

/// The envelope. What comes first is what a person looks for.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    team: Option<&'a str>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    received_at: &'a str,
    batch: &'a str,
}

/// What all lines of a batch have in common.
struct Source<'a> {
    batch: &'a Batch,
    host: Option<Arc<str>>,
    hostname: Option<Arc<str>>,
    team: Option<Arc<str>>,
    batch_id: Arc<str>,
    /// The envelope, up to the id of the line.
    head: Vec<u8>,
}

/// The lines of a batch.
#[must_use]
pub fn lines(batch: &Batch) -> Vec<Line> {
    let source = Source::of(batch);
    batch.lines().map(|raw| source.line(raw)).collect()
}

impl<'a> Source<'a> {
    fn of(batch: &'a Batch) -> Self {
        let host = batch.origin.host.as_ref();
        let (id, name) =
            (host.map(|host| host.public_id.0.as_str()), host.map(|host| host.hostname.as_str()));
        let team = batch.origin.team_public_id.as_ref().map(|team| team.0.as_str());
        let envelope = Envelope {
            host: id,
            hostname: name,
            team,
            kind: batch.kind.as_str(),
            reason: (batch.kind == LogKind::Apart).then_some("not a JSON object"),
            received_at: &rfc3339(batch.received_at),
            batch: &batch.id.0,
        };
        let mut head = serde_json::to_vec(&envelope).expect("texts are JSON");
        // The object goes on.
        head.pop();
        head.extend_from_slice(b",\"line_id\":\"");
        Self {
            batch,
            host: id.map(Arc::from),
            hostname: name.map(Arc::from),
            team: team.map(Arc::from),
            batch_id: Arc::from(batch.id.0.as_str()),
            head,
        }
    }

    fn line(&self, raw: &[u8]) -> Line {
        let id = line_id(self.host.as_deref(), self.batch.kind, raw);
        // The line is JSON itself, so the object goes on with it as it is.
        let text = [&self.head, id.as_bytes(), b"\",\"line\":", raw, b"}"].concat();
        Line {
            kind: self.batch.kind,
            received_at: self.batch.received_at,
            host: self.host.clone(),
            hostname: self.hostname.clone(),
            team: self.team.clone(),
            batch: Arc::clone(&self.batch_id),
            id,
            raw: self.batch.lines.slice_ref(raw),
            text,
        }
    }
}

/// 128 bits in hex. What is of no host is told apart by itself.
fn line_id(host: Option<&str>, kind: LogKind, raw: &[u8]) -> String {
    let mut hash = Context::new(&SHA256);
    for part in [host.unwrap_or_default().as_bytes(), b"\n", kind.as_str().as_bytes(), b"\n", raw] {
        hash.update(part);
    }
    let digest = hash.finish();
    let half: [u8; 16] = digest.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(half))
}

/// A time as logs have it.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What filters look at in a line.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

/// The name of the query that a result is of.
pub(super) fn query_name(raw: &[u8]) -> Option<Cow<'_, str>> {
    serde_json::from_slice::<Named<'_>>(raw).ok()?.name
}

#[cfg(test)]
mod tests {
    use entity::id::PublicId;
    use serde_json::Value;

    use super::*;
    use crate::spool::testing::batch;

    #[test]
    fn a_line_is_kept_as_it_came() {
        let line = lines(&batch(LogKind::Result, "{\"a\":   9007199254740993,\"a\":1.50}\n")).remove(0);
        let text = String::from_utf8(line.text).expect("UTF-8");
        assert!(text.ends_with("\"line\":{\"a\":   9007199254740993,\"a\":1.50}}"), "{text}");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["host"], "hst_1");
        assert_eq!(value["hostname"], "web \"1\"");
        assert_eq!(value["team"], "tem_2");
        assert_eq!(value["kind"], "result");
        assert_eq!(value["received_at"], "2023-11-14T22:13:20.123Z");
        assert_eq!(value["line_id"].as_str().map(str::len), Some(32));
        assert_eq!(value["line_id"], line.id);
    }

    #[test]
    fn a_line_id_is_of_host_kind_and_line() {
        let id = |batch: Batch| lines(&batch).remove(0).id;
        let one = batch(LogKind::Result, "{\"a\":1}\n");
        let mut other = one.clone();
        other.id = PublicId("bat_2".to_owned());
        assert_eq!(id(one.clone()), id(other));
        assert_ne!(id(one.clone()), id(batch(LogKind::Result, "{\"a\":2}\n")));
        assert_ne!(id(one.clone()), id(batch(LogKind::Status, "{\"a\":1}\n")));
        let mut other = one.clone();
        other.origin.host = None;
        assert_ne!(id(one), id(other));
    }

    #[test]
    fn a_query_is_named_by_its_line() {
        assert_eq!(query_name(b"{\"x\":{\"name\":\"b\"},\"name\":\"a\\n\"}").as_deref(), Some("a\n"));
        assert_eq!(query_name(b"{\"name\":5}"), None);
        assert_eq!(query_name(b"5"), None);
    }
}
