//! Log lines of hosts: made durable before the agent is thanked.

use bytes::Bytes;

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

/// Lines as they are stored: each one JSON text as it came, and a line feed.
#[derive(Debug, Default)]
pub struct Lines {
    /// Those that are JSON objects.
    objects: Vec<u8>,
    /// The others.
    apart: Vec<u8>,
}

impl Lines {
    /// None yet; there is room for so many bytes of objects.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { objects: Vec::with_capacity(bytes), apart: Vec::new() }
    }

    /// Adds a line, which is a JSON text. One that is no object is set apart and counted.
    pub fn push(&mut self, line: &str) {
        if line.starts_with('{') {
            write(&mut self.objects, line);
        } else {
            write(&mut self.apart, line);
            metrics::counter!("muster_log_lines_set_apart_total").increment(1);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.apart.is_empty()
    }

    /// All of them, the objects first.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let ended =
            [&self.objects, &self.apart].into_iter().flat_map(|lines| lines.split(|byte| *byte == b'\n'));
        ended.filter(|line| !line.is_empty())
    }
}

impl Fleet {
    /// Appends lines with their host, its team, the time and the batch; answers when they are durable, or delivered
    /// where that is wanted.
    ///
    /// # Errors
    /// Any: nothing may be acknowledged.
    pub async fn append_logs(&self, host: &KnownHost, kind: LogKind, lines: Lines) -> Result<(), FleetError> {
        let batch = Batch {
            id: new_public_id("bat"),
            kind,
            received_at: self.clock.now(),
            origin: origin(host),
            lines: Bytes::new(),
        };
        for (kind, lines) in [(kind, lines.objects), (LogKind::Apart, lines.apart)] {
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

    fn lines(texts: &[&str]) -> Lines {
        let mut lines = Lines::default();
        for text in texts {
            lines.push(text);
        }
        lines
    }

    #[test]
    fn a_line_is_kept_as_it_came_in_one_line() {
        let lines = lines(&["{\"a\":\r\n 9007199254740993,\"a\":1.50}"]);
        assert_eq!(lines.objects, b"{\"a\":   9007199254740993,\"a\":1.50}\n");
    }

    #[test]
    fn what_is_no_object_is_set_apart_and_the_others_are_kept() {
        let lines = lines(&["{\"a\":1}", "5", "\"x\"", "{\"a\":2}"]);
        assert_eq!(lines.texts().collect::<Vec<_>>(), [&b"{\"a\":1}"[..], b"{\"a\":2}", b"5", b"\"x\""]);
        assert_eq!((lines.objects.len(), lines.apart.len()), (16, 6));
        assert!(!lines.is_empty() && Lines::default().is_empty());
    }
}
