//! The durable queue between "log accepted" and "log shipped": NDJSON files, one a kind, fsynced in groups.
//!
//! One thread writes. It takes what is queued, writes each kind's lines in one piece, syncs each file once and
//! then answers everybody of the group. After a failed write or sync nothing past the last durable byte is
//! trusted: the file is cut back to it and opened anew before the next group.

mod file;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use writer::{Batch, Writer};

/// Batches waiting for the writer at most; who comes later waits for room.
const QUEUE: usize = 1024;

/// Kind of log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// Results of scheduled queries.
    Result,
    /// Status lines of osqueryd.
    Status,
    /// Lines of either kind that are no JSON object, set apart.
    Apart,
}

impl LogKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: &[Self] = &[Self::Result, Self::Status, Self::Apart];

    /// The word for it, as in envelopes and file names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Status => "status",
            Self::Apart => "apart",
        }
    }
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

/// Appends lines; a cheap handle on one writer thread, which ends with the last handle.
#[derive(Clone)]
pub struct Spool {
    batches: mpsc::Sender<Batch>,
    /// Whether the last group was stored.
    works: Arc<AtomicBool>,
}

impl Spool {
    /// Opens (and makes) the directory; a torn last line of an earlier crash is cut. Where another process holds
    /// the directory its files are left alone until something is appended.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub fn open(directory: &Path) -> Result<Self, SpoolError> {
        let writer = Writer::open(directory).map_err(SpoolError::Io)?;
        let (batches, queue) = mpsc::channel(QUEUE);
        let works = Arc::new(AtomicBool::new(true));
        let noted = Arc::clone(&works);
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run(queue, &noted))
            .map_err(SpoolError::Io)?;
        Ok(Self { batches, works })
    }

    /// Whether the last lines that came could be stored.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Appends whole lines, each ended by a line feed, and answers when they are on disk.
    ///
    /// # Errors
    /// [`SpoolError`]: then nothing of the batch may be acknowledged.
    pub async fn append(&self, kind: LogKind, lines: Bytes) -> Result<(), SpoolError> {
        let (done, answer) = oneshot::channel();
        let batch = Batch { kind, lines, done };
        self.batches.send(batch).await.map_err(|_| SpoolError::Stopped)?;
        answer.await.map_err(|_| SpoolError::Stopped)?.map_err(SpoolError::Io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(directory: &Path, kind: LogKind) -> String {
        std::fs::read_to_string(directory.join(format!("{}.ndjson", kind.as_str()))).unwrap_or_default()
    }

    #[tokio::test]
    async fn appended_lines_are_in_the_file_of_their_kind() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spool = Spool::open(directory.path()).expect("opens");
        spool.append(LogKind::Result, Bytes::from_static(b"{\"a\":1}\n")).await.expect("appended");
        spool.append(LogKind::Status, Bytes::from_static(b"{\"b\":1}\n")).await.expect("appended");
        spool.append(LogKind::Result, Bytes::from_static(b"{\"a\":2}\n")).await.expect("appended");
        assert_eq!(read(directory.path(), LogKind::Result), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(read(directory.path(), LogKind::Status), "{\"b\":1}\n");
    }

    #[tokio::test]
    async fn appends_at_once_are_all_there() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spool = Spool::open(directory.path()).expect("opens");
        let appends = (0..200).map(|n| {
            let spool = spool.clone();
            async move { spool.append(LogKind::Result, Bytes::from(format!("{n}\n"))).await }
        });
        for outcome in futures_util::future::join_all(appends).await {
            outcome.expect("appended");
        }
        let text = read(directory.path(), LogKind::Result);
        let mut numbers: Vec<u32> = text.lines().map(|line| line.parse().expect("a whole line")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_torn_tail_is_cut_at_open() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("result.ndjson"), "{\"a\":1}\n{\"a\":").expect("written");
        let spool = Spool::open(directory.path()).expect("opens");
        assert_eq!(read(directory.path(), LogKind::Result), "{\"a\":1}\n");
        spool.append(LogKind::Result, Bytes::from_static(b"{\"a\":2}\n")).await.expect("appended");
        assert_eq!(read(directory.path(), LogKind::Result), "{\"a\":1}\n{\"a\":2}\n");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("file");
        std::fs::write(&file, "").expect("written");
        assert!(matches!(Spool::open(&file.join("logs")), Err(SpoolError::Io(_))));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_acknowledges_nothing_and_recovers() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("result.ndjson");
        std::os::unix::fs::symlink("/dev/full", &file).expect("linked");
        let spool = Spool::open(directory.path()).expect("opens");
        let refused = spool.append(LogKind::Result, Bytes::from_static(b"lost\n")).await;
        assert!(matches!(refused, Err(SpoolError::Io(_))));
        let other = spool.append(LogKind::Status, Bytes::from_static(b"kept\n")).await;
        assert!(other.is_ok(), "one kind's fault is not the other's");
        std::fs::remove_file(&file).expect("removed");
        spool.append(LogKind::Result, Bytes::from_static(b"kept\n")).await.expect("appended again");
        assert_eq!(read(directory.path(), LogKind::Result), "kept\n");
    }
}
