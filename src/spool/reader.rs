//! One reader of the spool: every batch in order, from a durable offset of its own.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::batch::{Position, Stored};
use super::frame::{self, Found};
use super::state::{Segment, Shared};
use super::writer::Order;
use super::{SpoolError, offsets};
use crate::clock::Timestamp;

/// Reads the spool in order, at least once: what is read and not committed is read again after a restart, or after
/// [`Reader::rewind`].
pub struct Reader {
    name: String,
    shared: Arc<Shared>,
    writer: mpsc::Sender<Order>,
    /// Where it reads on; none until the segments are known.
    next: Option<u64>,
}

/// How far a reader is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Bytes of the spool that it has not committed.
    pub bytes: u64,
    /// When the oldest of them came.
    pub since: Option<Timestamp>,
}

impl Reader {
    pub(super) fn new(name: String, shared: Arc<Shared>, writer: mpsc::Sender<Order>) -> Self {
        Self { name, shared, writer, next: None }
    }

    /// The batches behind those that were read last, in order: as many as fit into so many bytes, at least one where
    /// there is one, none where there is none.
    ///
    /// # Errors
    /// When a segment can't be read; nothing was skipped.
    pub async fn read(&mut self, max_bytes: usize) -> Result<Vec<Stored>, SpoolError> {
        let (Some(from), Some(end)) = (self.begin()?, *self.shared.durable.borrow()) else {
            // It may be that another process held the segments, and that it ended.
            let _busy = self.writer.try_send(Order::Tidy);
            return Ok(Vec::new());
        };
        if from >= end {
            return Ok(Vec::new());
        }
        let shared = Arc::clone(&self.shared);
        let reading = spawn_blocking(move || read(&shared, from, max_bytes));
        let (batches, next) = reading.await.map_err(|_| SpoolError::Stopped)?.map_err(SpoolError::Io)?;
        self.next = Some(next);
        Ok(batches)
    }

    /// Waits until something was appended behind what was read last.
    pub async fn wait(&self) {
        self.wait_for(1).await;
    }

    /// Waits until so many bytes were appended behind what was read last.
    pub async fn wait_for(&self, bytes: u64) {
        let committed = || self.shared.known().offsets.get(&self.name).copied();
        let from = self.next.or_else(committed);
        let mut durable = self.shared.durable.subscribe();
        let is_enough =
            |end: &Option<u64>| end.is_some_and(|end| from.is_none_or(|from| end >= from + bytes));
        // The sender lives in what this holds.
        let _more = durable.wait_for(is_enough).await;
    }

    /// Makes `position` durable: what ends there or before is not read again.
    ///
    /// # Errors
    /// When the offset could not be written: then it is read again after a restart.
    pub async fn commit(&mut self, position: Position) -> Result<(), SpoolError> {
        let (shared, name) = (Arc::clone(&self.shared), self.name.clone());
        let committed = spawn_blocking(move || shared.commit(&name, position)).await;
        committed.map_err(|_| SpoolError::Stopped)?.map_err(SpoolError::Io)?;
        // A full queue has the writer tidy soon in any case.
        let _busy = self.writer.try_send(Order::Tidy);
        Ok(())
    }

    /// Reads on behind what was committed last.
    pub fn rewind(&mut self) {
        self.next = None;
    }

    /// Begins again at the first batch that came at or after `time`, as far as it is still there; durable.
    ///
    /// # Errors
    /// When segments can't be read, or the offset not written.
    pub async fn replay(&mut self, time: Timestamp) -> Result<(), SpoolError> {
        let shared = Arc::clone(&self.shared);
        let sought = spawn_blocking(move || seek(&shared, time)).await;
        let position = sought.map_err(|_| SpoolError::Stopped)?.map_err(SpoolError::Io)?;
        self.commit(position).await?;
        self.rewind();
        Ok(())
    }

    /// The number of the last replay that was noted; none before the first.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn replayed(&self) -> Result<Option<u32>, SpoolError> {
        offsets::replay(&self.shared.directory, &self.name).map_err(SpoolError::Io)
    }

    /// Notes the number of a replay that is done, durably.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn note_replay(&self, number: u32) -> Result<(), SpoolError> {
        offsets::write_replay(&self.shared.directory, &self.name, number).map_err(SpoolError::Io)
    }

    /// Takes hold of the oldest batch, if it never read before: nothing is removed before it has passed.
    ///
    /// # Errors
    /// When its offset can't be written.
    pub fn hold(&mut self) -> Result<(), SpoolError> {
        self.begin().map(|_| ())
    }

    /// How far it is behind.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let committed = self.shared.known().offsets.get(&self.name).copied();
        let Some(committed) = committed else { return Lag::default() };
        let bytes = self.shared.end().saturating_sub(committed);
        Lag { bytes, since: (bytes > 0).then(|| self.shared.waiting_since(committed)).flatten() }
    }

    /// Where it reads on. A reader without an offset begins at the oldest batch, and holds that from now on.
    fn begin(&mut self) -> Result<Option<u64>, SpoolError> {
        if self.next.is_none() && self.shared.durable.borrow().is_some() {
            let committed = self.shared.known().offsets.get(&self.name).copied();
            self.next = Some(match committed {
                Some(offset) => offset,
                None => self.register()?,
            });
        }
        Ok(self.next)
    }

    fn register(&self) -> Result<u64, SpoolError> {
        let oldest = self.shared.known().segments.first().map(|segment| segment.base);
        let position = oldest.unwrap_or_else(|| self.shared.end());
        self.shared.commit(&self.name, Position(position)).map_err(SpoolError::Io)?;
        Ok(position)
    }
}

/// Batches from `from` on, and where to read on.
fn read(shared: &Shared, from: u64, max_bytes: usize) -> io::Result<(Vec<Stored>, u64)> {
    let mut position = from;
    while let Some(segment) = shared.segment_at(position) {
        if position < segment.base {
            tracing::error!(lost_bytes = segment.base - position, "a part of the spool is missing");
            position = segment.base;
        }
        let bytes = chunk(shared, segment, position, max_bytes)?;
        let batches = decode(&bytes, position);
        if let Some(last) = batches.last() {
            let next = last.end.0;
            return Ok((batches, next));
        }
        position = skip(shared, segment, position)?;
    }
    Ok((Vec::new(), position.max(from)))
}

/// Bytes of a segment from a position on: up to `max_bytes`, or one whole frame.
fn chunk(shared: &Shared, segment: Segment, position: u64, max_bytes: usize) -> io::Result<Bytes> {
    let file = File::open(shared.path(segment.base))?;
    let there = usize::try_from(segment.end - position).unwrap_or(usize::MAX);
    let mut bytes = read_at(&file, position - segment.base, there.min(max_bytes.max(frame::HEADER)))?;
    if let Found::Part(size) = frame::decode(&bytes)
        && size <= there
    {
        bytes = read_at(&file, position - segment.base, size)?;
    }
    Ok(bytes)
}

/// As many of so many bytes as the file has.
fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

fn decode(bytes: &Bytes, position: u64) -> Vec<Stored> {
    let (mut batches, mut at) = (Vec::new(), 0);
    while let Found::Frame(batch, size) = frame::decode(&bytes.slice(at..)) {
        at += size;
        batches.push(Stored { end: Position(position + at as u64), batch: *batch });
    }
    batches
}

/// Where the next whole frame begins behind a damaged one: in this segment, or at its end.
fn skip(shared: &Shared, segment: Segment, position: u64) -> io::Result<u64> {
    let file = File::open(shared.path(segment.base))?;
    let rest = usize::try_from(segment.end - position).unwrap_or(usize::MAX);
    let bytes = read_at(&file, position - segment.base, rest)?;
    let next = frame::find(&bytes, 1).map_or(segment.end, |at| position + at as u64);
    let lost_bytes = next - position;
    tracing::error!(lost_bytes, "a part of the spool is damaged on the disk and was left out");
    metrics::counter!("muster_spool_damaged_bytes_total").increment(lost_bytes);
    Ok(next)
}

/// Where the first batch is that came at or after `time`.
fn seek(shared: &Shared, time: Timestamp) -> io::Result<Position> {
    let segments = shared.known().segments.clone();
    let later = segments.partition_point(|segment| segment.oldest.is_none_or(|oldest| oldest < time));
    let Some(first) = segments.get(later.saturating_sub(1)) else { return Ok(Position(shared.end())) };
    let mut position = first.base;
    loop {
        let (batches, next) = read(shared, position, 1)?;
        match batches.first() {
            Some(stored) if stored.batch.received_at < time => position = next,
            Some(_) | None => return Ok(Position(position)),
        }
    }
}
