//! The durable queue between "log accepted" and "log shipped": segments of frames, fsynced in groups, read by many.
//!
//! One thread writes. It takes what is queued, writes the frames in one piece, syncs once, and then answers everybody
//! of the group. After a failed write or sync nothing past the last durable byte is trusted: the segment is cut back
//! to it and never written again; what comes next stands in a new one. A frame has a checksum, so a tail that a crash
//! tore is seen and cut.
//!
//! Each [`Reader`] has a name and an offset of its own, in a file that is replaced as a whole. Segments that every
//! reader has passed are kept for a while, for who wants to read them again, and then removed. A spool at its caps
//! refuses: then agents keep their lines.
//!
//! It is own code for what the log crates there are do not do: none lets its files fail in a test, none gives up a
//! file whose sync failed, and offsets of readers, caps and retention would be ours in any case.

pub mod disk;

mod batch;
mod frame;
mod offsets;
mod reader;
mod recovery;
mod state;
mod writer;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use batch::{Batch, LogKind, Origin, OriginHost, Position, Stored};
pub use reader::{Lag, Reader};
pub use recovery::batches;

use disk::{Disk, SystemDisk};
use state::Shared;
use writer::{Append, Order, Writer};

use crate::clock::Clock;

/// Batches waiting for the writer at most; who comes later waits for room.
const QUEUE: usize = 1024;

/// Caps of the spool.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// Bytes on the disk at most; beyond, lines are refused.
    pub max_bytes: u64,
    /// Lines are refused while an older one waits for a reader.
    pub max_age: Option<Duration>,
    /// Segments that every reader has passed are kept for so long, for replays, where there is room.
    pub keep: Duration,
    /// A segment that is as large is followed by another.
    pub segment_bytes: u64,
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self { max_bytes: 10 << 30, max_age: None, keep: Duration::from_hours(24), segment_bytes: 64 << 20 }
    }
}

/// Why lines were not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A file could not be read, written or synced; what was to be appended is not durable.
    #[error("the spool could not be read or written")]
    Io(#[source] io::Error),
    /// The caps are reached.
    #[error("the spool is full")]
    Full,
    /// No reader may have this name.
    #[error("a reader is named by lower-case letters, digits, - and _")]
    Name,
    /// The writer has stopped.
    #[error("the spool has stopped")]
    Stopped,
}

impl SpoolError {
    /// The same for another one who waited.
    fn again(&self) -> Self {
        match self {
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
            Self::Full => Self::Full,
            Self::Name => Self::Name,
            Self::Stopped => Self::Stopped,
        }
    }
}

/// Appends batches and makes readers; a cheap handle on one writer thread, which ends with the last handle.
#[derive(Clone)]
pub struct Spool {
    writer: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    /// Whether the last group was stored.
    works: Arc<AtomicBool>,
}

impl Spool {
    /// Opens (and makes) the directory; a torn tail of an earlier crash is cut. Where another process holds the
    /// directory its files are left alone until something is appended or read.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub fn open(directory: &Path, settings: SpoolSettings, clock: Clock) -> Result<Self, SpoolError> {
        Self::open_on(Box::new(SystemDisk), directory, settings, clock)
    }

    /// As [`Spool::open`], with segments on another disk.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open_on(
        disk: Box<dyn Disk>,
        directory: &Path,
        settings: SpoolSettings,
        clock: Clock,
    ) -> Result<Self, SpoolError> {
        let shared = Arc::new(Shared::new(directory.to_owned(), settings, clock));
        let writer = Writer::open(Arc::clone(&shared), disk).map_err(SpoolError::Io)?;
        let (orders, queue) = mpsc::channel(QUEUE);
        let works = Arc::new(AtomicBool::new(true));
        let noted = Arc::clone(&works);
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run(queue, &noted))
            .map_err(SpoolError::Io)?;
        Ok(Self { writer: orders, shared, works })
    }

    /// Whether the last lines that came could be stored.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Appends a batch, and answers when it is on disk, with where it ends.
    ///
    /// # Errors
    /// [`SpoolError`]: then nothing of the batch may be acknowledged.
    pub async fn append(&self, batch: Batch) -> Result<Position, SpoolError> {
        let (done, answer) = oneshot::channel();
        let order = Order::Append(Append { batch, done });
        self.writer.send(order).await.map_err(|_| SpoolError::Stopped)?;
        answer.await.map_err(|_| SpoolError::Stopped)?
    }

    /// The reader of this name; one that never read before begins at the oldest batch. There must be one at a time.
    ///
    /// # Errors
    /// [`SpoolError::Name`].
    pub fn reader(&self, name: &str) -> Result<Reader, SpoolError> {
        if !offsets::is_name(name) {
            return Err(SpoolError::Name);
        }
        Ok(Reader::new(name.to_owned(), Arc::clone(&self.shared), self.writer.clone()))
    }

    /// Names of the readers whose offsets are kept.
    #[must_use]
    pub fn readers(&self) -> Vec<String> {
        self.shared.known().offsets.keys().cloned().collect()
    }

    /// Forgets a reader: what it has not read is kept for the others alone.
    ///
    /// # Errors
    /// When its offset can't be removed.
    pub fn forget(&self, reader: &str) -> Result<(), SpoolError> {
        offsets::remove(&self.shared.directory, reader).map_err(SpoolError::Io)?;
        self.shared.known().offsets.remove(reader);
        self.shared.commits.send_replace(());
        Ok(())
    }

    /// Waits until every reader whose name begins with `prefix` has committed all up to `position`.
    pub async fn passed(&self, prefix: &str, position: Position) {
        let mut commits = self.shared.commits.subscribe();
        loop {
            commits.borrow_and_update();
            let is_passed =
                |(name, offset): (&String, &u64)| !name.starts_with(prefix) || *offset >= position.0;
            if self.shared.known().offsets.iter().all(is_passed) {
                return;
            }
            // The sender lives in what this holds.
            let _moved = commits.changed().await;
        }
    }
}
