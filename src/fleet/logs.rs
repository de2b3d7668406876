//! Log lines of hosts: made durable before the agent is thanked.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use ring::digest::{Context, SHA256};
use serde::Serialize;
use serde_json::value::RawValue;

use super::offload::offload;
use super::roster::KnownHost;
use super::{Fleet, FleetError};
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
pub use crate::spool::LogKind;

/// What the lines of one batch share.
struct Batch {
    host: KnownHost,
    kind: LogKind,
    received_at: String,
    id: String,
}

/// A line as it is stored; a consumer sees the agent's own text under `line`.
#[derive(Serialize)]
struct Envelope<'a> {
    host: &'a str,
    hostname: &'a str,
    team: Option<&'a str>,
    kind: &'a str,
    received_at: &'a str,
    batch: &'a str,
    line_id: &'a str,
    line: &'a RawValue,
}

/// A batch in its stored form.
#[derive(Default)]
struct Stored {
    /// Lines that are JSON objects.
    lines: Vec<u8>,
    /// The others.
    apart: Vec<u8>,
}

impl Fleet {
    /// Appends lines, each a JSON text as it came, in an envelope of host, team, received time, batch and line id;
    /// answers when they are durable. A line that is not a JSON object is set apart and counted.
    ///
    /// # Errors
    /// Any: nothing may be acknowledged.
    pub async fn append_logs(
        &self,
        host: &KnownHost,
        kind: LogKind,
        lines: Vec<Box<RawValue>>,
    ) -> Result<(), FleetError> {
        let batch = Batch {
            host: host.clone(),
            kind,
            received_at: rfc3339(self.clock.now()),
            id: new_public_id("bat").0,
        };
        let bytes = lines.iter().map(|line| line.get().len()).sum();
        let stored = offload(bytes, move || batch.store(&lines)).await;
        for (kind, lines) in [(kind, stored.lines), (LogKind::Apart, stored.apart)] {
            if !lines.is_empty() {
                self.spool
                    .append(kind, lines.into())
                    .await
                    .map_err(|error| FleetError::Internal(Arc::new(error)))?;
            }
        }
        Ok(())
    }
}

impl Batch {
    fn store(&self, lines: &[Box<RawValue>]) -> Stored {
        let mut stored = Stored::default();
        for line in lines {
            if line.get().starts_with('{') {
                self.write(&mut stored.lines, line);
            } else {
                self.write(&mut stored.apart, line);
                metrics::counter!("muster_log_lines_set_apart_total").increment(1);
            }
        }
        stored
    }

    /// Writes the envelope of a line and a line feed. CR and LF can only stand between tokens in JSON, where a space
    /// means the same.
    fn write(&self, out: &mut Vec<u8>, line: &RawValue) {
        let start = out.len();
        let envelope = Envelope {
            host: &self.host.public_id.0,
            hostname: &self.host.hostname,
            team: self.host.team_public_id.as_ref().map(|team| team.0.as_str()),
            kind: self.kind.as_str(),
            received_at: &self.received_at,
            batch: &self.id,
            line_id: &self.line_id(line),
            line,
        };
        serde_json::to_writer(&mut *out, &envelope)
            .expect("texts and a JSON value are JSON, and a Vec takes all");
        for byte in &mut out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        out.push(b'\n');
    }

    /// The same for the same line of the same host, however often it is sent: 128 bits in hex.
    fn line_id(&self, line: &RawValue) -> String {
        let mut hash = Context::new(&SHA256);
        for part in [self.host.public_id.0.as_str(), "\n", self.kind.as_str(), "\n", line.get()] {
            hash.update(part.as_bytes());
        }
        let digest = hash.finish();
        let half: [u8; 16] = digest.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes");
        format!("{:032x}", u128::from_be_bytes(half))
    }
}

fn rfc3339(at: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use entity::id::{HostId, NodeKeyId, PublicId, TeamId};
    use serde_json::Value;

    use super::*;

    fn batch() -> Batch {
        let host = KnownHost {
            id: HostId(1),
            public_id: PublicId("hst_1".to_owned()),
            team: TeamId(2),
            team_public_id: Some(PublicId("tem_2".to_owned())),
            hostname: "web \"1\"".to_owned(),
            key: NodeKeyId(1),
        };
        Batch {
            host,
            kind: LogKind::Result,
            received_at: rfc3339(Timestamp(1_700_000_000_123)),
            id: "bat_1".to_owned(),
        }
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn a_line_is_kept_as_it_came_in_one_line() {
        let stored = batch().store(&[raw("{\"a\":\r\n 9007199254740993,\"a\":1.50}")]);
        let text = String::from_utf8(stored.lines).expect("UTF-8");
        assert!(text.ends_with("\"line\":{\"a\":   9007199254740993,\"a\":1.50}}\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["host"], "hst_1");
        assert_eq!(value["hostname"], "web \"1\"");
        assert_eq!(value["team"], "tem_2");
        assert_eq!(value["kind"], "result");
        assert_eq!(value["received_at"], "2023-11-14T22:13:20.123Z");
        assert_eq!(value["line_id"].as_str().map(str::len), Some(32));
    }

    #[test]
    fn a_line_id_is_of_host_kind_and_line() {
        let (one, mut other) = (batch(), batch());
        let line = raw("{\"a\":1}");
        assert_eq!(one.line_id(&line), other.line_id(&line));
        assert_ne!(one.line_id(&line), one.line_id(&raw("{\"a\":2}")));
        other.kind = LogKind::Status;
        assert_ne!(one.line_id(&line), other.line_id(&line));
        other = batch();
        other.host.public_id = PublicId("hst_2".to_owned());
        assert_ne!(one.line_id(&line), other.line_id(&line));
    }

    #[test]
    fn what_is_no_object_is_set_apart_and_the_others_are_kept() {
        let stored = batch().store(&[raw("{\"a\":1}"), raw("5"), raw("\"x\""), raw("{\"a\":2}")]);
        let lines = |bytes| String::from_utf8(bytes).expect("UTF-8").lines().count();
        assert_eq!((lines(stored.lines), lines(stored.apart)), (2, 2));
    }
}
