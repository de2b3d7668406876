//! What the spool holds: batches of lines, and where they came from.

use bytes::Bytes;
use entity::id::{HostId, PublicId, TeamId};
use entity::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Kind of log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// Results of scheduled queries.
    Result,
    /// Status lines of osqueryd.
    Status,
    /// Lines of either kind that are no JSON object, set apart.
    Apart,
    /// Entries of the audit trail.
    Activity,
    /// Answers to campaigns.
    Answer,
}

impl LogKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: &[Self] = &[Self::Result, Self::Status, Self::Apart, Self::Activity, Self::Answer];

    /// The word for it, as in envelopes and file names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Status => "status",
            Self::Apart => "apart",
            Self::Activity => "activity",
            Self::Answer => "answer",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Its number in a frame.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Result => 1,
            Self::Status => 2,
            Self::Apart => 3,
            Self::Activity => 4,
            Self::Answer => 5,
        }
    }

    /// The kind of a number in a frame.
    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

/// A place in the spool: the number of bytes that were ever appended before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// The host that lines came from, as it was known when they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginHost {
    /// Inside id.
    pub id: HostId,
    /// Outside id.
    pub public_id: PublicId,
    /// Host name.
    pub hostname: String,
}

/// Where the lines of a batch came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The host; none for what the server itself writes.
    pub host: Option<OriginHost>,
    /// Its team, or the one that the lines concern; [`TeamId::NONE`] for none.
    pub team: TeamId,
    /// Outside id of the team.
    pub team_public_id: Option<PublicId>,
}

/// Lines that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Outside id of the batch; the same whenever it is delivered.
    pub id: PublicId,
    /// What lines they are.
    pub kind: LogKind,
    /// When they came.
    pub received_at: Timestamp,
    /// Where they came from.
    pub origin: Origin,
    /// The lines as they came, each one JSON text and a line feed.
    pub lines: Bytes,
}

impl Batch {
    /// The lines, without their line feeds.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.lines[..];
        let lines = std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            Some(line)
        });
        lines.filter(|line| !line.is_empty())
    }
}

/// A batch that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it ends: what a reader commits when it is done with it and with all before it.
    pub end: Position,
    /// The batch.
    pub batch: Batch,
}
