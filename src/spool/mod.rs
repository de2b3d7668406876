//! The durable queue between "log accepted" and "log shipped": NDJSON files, one a kind, fsynced in groups.

use bytes::Bytes;

/// Kind of log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// Results of scheduled queries.
    Result,
    /// Status lines of osqueryd.
    Status,
}

/// Why lines were not stored.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file could not be written or synced; the lines are not durable.
    #[error("the log file could not be written")]
    Io(#[source] std::io::Error),
    /// The writer has stopped.
    #[error("the log writer has stopped")]
    Stopped,
}

/// Appends lines; a cheap handle on one writer thread.
#[derive(Clone)]
pub struct Spool {}

impl Spool {
    /// Opens (and makes) the directory; a torn last line of an earlier crash is cut.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub fn open(_directory: &std::path::Path) -> Result<Self, SpoolError> {
        todo!()
    }

    /// Appends whole lines, each ended by a line feed, and answers when they are on disk.
    ///
    /// # Errors
    /// [`SpoolError`]: then nothing of the batch may be acknowledged.
    pub async fn append(&self, _kind: LogKind, _lines: Bytes) -> Result<(), SpoolError> {
        todo!()
    }
}
