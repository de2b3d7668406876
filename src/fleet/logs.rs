//! Log lines of hosts: made durable before the agent is thanked.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::offload::offload;
use super::roster::KnownHost;
use super::{Fleet, FleetError};
use crate::auth::keys::new_public_id;
pub use crate::spool::LogKind;
use crate::spool::{Batch, Origin, OriginHost};

/// When an agent is thanked for its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// When they are durable here.
    #[default]
    Spooled,
    /// When every destination has them.
    Delivered,
}

/// Lines in their stored form: each one JSON text, and a line feed.
#[derive(Default)]
struct Sorted {
    /// Lines that are JSON objects.
    lines: Vec<u8>,
    /// The others.
    apart: Vec<u8>,
}

impl Fleet {
    /// Appends lines, each a JSON text as it came, with their host, its team, the time and the batch; answers when
    /// they are durable, or delivered where that is wanted. A line that is not a JSON object is set apart and counted.
    ///
    /// # Errors
    /// Any: nothing may be acknowledged.
    pub async fn append_logs(
        &self,
        host: &KnownHost,
        kind: LogKind,
        lines: Vec<Box<RawValue>>,
    ) -> Result<(), FleetError> {
        let bytes = lines.iter().map(|line| line.get().len()).sum();
        let sorted = offload(bytes, move || sort(&lines)).await;
        let batch = Batch {
            id: new_public_id("bat"),
            kind,
            received_at: self.clock.now(),
            origin: origin(host),
            lines: Bytes::new(),
        };
        for (kind, lines) in [(kind, sorted.lines), (LogKind::Apart, sorted.apart)] {
            if !lines.is_empty() {
                let batch = Batch { kind, lines: lines.into(), ..batch.clone() };
                let end = self.spool.append(batch).await.map_err(FleetError::internal)?;
                if self.settings.acknowledge == Acknowledge::Delivered {
                    self.shipping.delivered(end).await;
                }
            }
        }
        Ok(())
    }
}

fn origin(host: &KnownHost) -> Origin {
    Origin {
        host: Some(OriginHost {
            id: host.id,
            public_id: host.public_id.clone(),
            hostname: host.hostname.clone(),
        }),
        team: host.team,
        team_public_id: host.team_public_id.clone(),
    }
}

/// Objects, and what is none.
fn sort(lines: &[Box<RawValue>]) -> Sorted {
    let mut sorted = Sorted::default();
    for line in lines {
        if line.get().starts_with('{') {
            write(&mut sorted.lines, line.get());
        } else {
            write(&mut sorted.apart, line.get());
            metrics::counter!("muster_log_lines_set_apart_total").increment(1);
        }
    }
    sorted
}

/// Writes a line and a line feed. CR and LF can only stand between tokens in JSON, where a space means the same.
fn write(out: &mut Vec<u8>, line: &str) {
    let start = out.len();
    out.extend_from_slice(line.as_bytes());
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn a_line_is_kept_as_it_came_in_one_line() {
        let sorted = sort(&[raw("{\"a\":\r\n 9007199254740993,\"a\":1.50}")]);
        assert_eq!(sorted.lines, b"{\"a\":   9007199254740993,\"a\":1.50}\n");
    }

    #[test]
    fn what_is_no_object_is_set_apart_and_the_others_are_kept() {
        let sorted = sort(&[raw("{\"a\":1}"), raw("5"), raw("\"x\""), raw("{\"a\":2}")]);
        let lines = |bytes| String::from_utf8(bytes).expect("UTF-8").lines().count();
        assert_eq!((lines(sorted.lines), lines(sorted.apart)), (2, 2));
    }
}
