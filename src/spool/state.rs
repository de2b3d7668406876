//! What the writer and the readers know in common: the segments, how far each reader is, what is durable.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use entity::time::Timestamp;
use tokio::sync::watch;

use super::batch::Position;
use super::frame;
use super::{SpoolSettings, offsets};
use crate::clock::Clock;

/// A file of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Position of its first byte; also its name.
    pub(super) base: u64,
    /// Position behind its last durable byte.
    pub(super) end: u64,
    /// Received time of its first batch, once it has one.
    pub(super) oldest: Option<Timestamp>,
}

/// The state of one spool.
pub(super) struct Shared {
    pub(super) directory: PathBuf,
    pub(super) settings: SpoolSettings,
    pub(super) clock: Clock,
    /// Held for moments: never while a file is written.
    known: Mutex<Known>,
    /// End of what is durable; none until the segments are known.
    pub(super) durable: watch::Sender<Option<u64>>,
    /// Moves when a reader commits.
    pub(super) commits: watch::Sender<()>,
}

/// What is guarded by the lock.
#[derive(Default)]
pub(super) struct Known {
    /// In order; each begins where the one before ends, or behind a hole that a fault left.
    pub(super) segments: Vec<Segment>,
    /// By name of reader.
    pub(super) offsets: BTreeMap<String, u64>,
}

impl Known {
    /// How far every reader is; `otherwise` when there is none.
    pub(super) fn passed(&self, otherwise: u64) -> u64 {
        self.offsets.values().copied().min().unwrap_or(otherwise)
    }
}

impl Shared {
    pub(super) fn new(directory: PathBuf, settings: SpoolSettings, clock: Clock) -> Self {
        Self {
            directory,
            settings,
            clock,
            known: Mutex::default(),
            durable: watch::Sender::new(None),
            commits: watch::Sender::new(()),
        }
    }

    /// The lock; what a panic left under it is whole, for each change is one assignment.
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a segment.
    pub(super) fn path(&self, base: u64) -> PathBuf {
        segment_path(&self.directory, base)
    }

    /// End of what is durable, 0 until it is known.
    pub(super) fn end(&self) -> u64 {
        self.durable.borrow().unwrap_or_default()
    }

    /// The segment where a reader at `position` reads on: the one that holds it, else the next one.
    pub(super) fn segment_at(&self, position: u64) -> Option<Segment> {
        self.known().segments.iter().copied().find(|segment| segment.end > position)
    }

    /// Received time of the first batch at or behind `position`, if there is one.
    pub(super) fn waiting_since(&self, position: u64) -> Option<Timestamp> {
        let segment = self.segment_at(position)?;
        let mut header = [0; frame::HEADER];
        let file = File::open(self.path(segment.base)).ok()?;
        file.read_exact_at(&mut header, position.saturating_sub(segment.base)).ok()?;
        frame::received_at(&header)
    }

    /// Makes `position` a reader's durable offset.
    pub(super) fn commit(&self, reader: &str, position: Position) -> std::io::Result<()> {
        offsets::write(&self.directory, reader, position.0)?;
        self.known().offsets.insert(reader.to_owned(), position.0);
        self.commits.send_replace(());
        Ok(())
    }
}

/// The file of a segment.
pub(super) fn segment_path(directory: &std::path::Path, base: u64) -> PathBuf {
    directory.join(format!("{base:020}.log"))
}
