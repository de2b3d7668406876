//! The one thread that writes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Position};
use super::disk::{Disk, SegmentFile};
use super::state::{Segment, Shared};
use super::{SpoolError, frame, offsets, recovery};

/// Bytes of one group at most; a larger batch is a group alone.
const GROUP_BYTES: usize = 8 << 20;
/// Held by the process whose writer has the segments.
const LOCK: &str = "writer.lock";

/// What the writer is asked for.
pub(super) enum Order {
    /// To make a batch durable.
    Append(Append),
    /// To open the segments, if they are not, and to remove those that nobody needs.
    Tidy,
}

/// A batch, and who waits for it.
pub(super) struct Append {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<Position, SpoolError>>,
}

/// The segments, once the lock on the directory is held.
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Box<dyn Disk>,
    lock: File,
    is_open: bool,
    /// The last segment; none before the first write and after a failed one.
    active: Option<Box<dyn SegmentFile>>,
}

impl Writer {
    /// Makes the directory, and opens the segments unless another process holds them: a command beside a running
    /// server appends nothing, and must not take the server's half-written frame for a torn one.
    pub(super) fn open(shared: Arc<Shared>, disk: Box<dyn Disk>) -> io::Result<Self> {
        std::fs::create_dir_all(offsets::directory(&shared.directory))?;
        let path = shared.directory.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(path)?;
        let mut writer = Self { shared, disk, lock, is_open: false, active: None };
        match writer.open_segments() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(writer),
        }
    }

    /// Writes group after group until every handle is gone, and notes whether each could be stored.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Order>, works: &AtomicBool) {
        while let Some(first) = queue.blocking_recv() {
            let (mut group, mut bytes, mut next) = (Vec::new(), 0, Some(first));
            while let Some(order) = next {
                if let Order::Append(append) = order {
                    bytes += append.batch.lines.len();
                    group.push(append);
                }
                next = if bytes < GROUP_BYTES { queue.try_recv().ok() } else { None };
            }
            if !group.is_empty() {
                self.write(group, works);
            }
            self.tidy(Keep::ForReplay);
        }
    }

    /// Makes a group durable, notes whether it could, and answers everybody.
    fn write(&mut self, group: Vec<Append>, works: &AtomicBool) {
        let heads: Vec<Vec<u8>> = group.iter().map(|append| frame::encode(&append.batch)).collect();
        let pieces: Vec<&[u8]> = heads
            .iter()
            .zip(&group)
            .flat_map(|(head, append)| [&head[..], &append.batch.lines[..]])
            .collect();
        let outcome = self.commit(&group[0].batch, &pieces);
        if let Err(error) = &outcome {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, cause, "log lines could not be stored; agents keep them");
        }
        let is_stored = outcome.is_ok();
        works.store(is_stored, Ordering::Relaxed);
        let mut end = outcome.as_ref().copied().unwrap_or_default();
        for (append, head) in group.into_iter().zip(heads) {
            let bytes = (head.len() + append.batch.lines.len()) as u64;
            end += bytes;
            if is_stored {
                let kind = append.batch.kind.as_str();
                metrics::counter!("muster_log_bytes_total", "kind" => kind).increment(bytes);
            }
            let answer = outcome.as_ref().map(|_| Position(end)).map_err(SpoolError::again);
            // Who gave up waiting sends the lines again; that they are stored now does no harm.
            let _gone = append.done.send(answer);
        }
    }

    /// Writes the pieces and syncs once; where they begin. When it fails none of them counts: the file is cut back to
    /// what is known to be durable, and what comes next stands in another one.
    fn commit(&mut self, first: &Batch, pieces: &[&[u8]]) -> Result<u64, SpoolError> {
        self.open_segments().map_err(SpoolError::Io)?;
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.make_room(bytes)?;
        let begin = self.shared.end();
        let outcome = self.append(first, pieces);
        if let Err(error) = outcome {
            self.give_up_segment(begin);
            return Err(SpoolError::Io(error));
        }
        if let Some(last) = self.shared.known().segments.last_mut() {
            last.end = begin + bytes;
        }
        self.shared.durable.send_replace(Some(begin + bytes));
        Ok(begin)
    }

    fn append(&mut self, first: &Batch, pieces: &[&[u8]]) -> io::Result<()> {
        let begin = self.shared.end();
        let size = self.shared.known().segments.last().map_or(0, |last| last.end - last.base);
        if size >= self.shared.settings.segment_bytes {
            self.active = None;
        }
        if self.active.is_none() {
            self.active = Some(self.disk.create(&self.shared.path(begin))?);
            let segment = Segment { base: begin, end: begin, oldest: Some(first.received_at) };
            let segments = &mut self.shared.known().segments;
            segments.retain(|known| known.base != begin);
            segments.push(segment);
        }
        let Some(file) = self.active.as_mut() else { return Ok(()) };
        file.append(pieces)?;
        file.sync()
    }

    /// The system may hold pages as clean that never reached the disk: nothing behind `durable` is trusted, and the
    /// file is not written any more.
    fn give_up_segment(&mut self, durable: u64) {
        let base = self.shared.known().segments.last().map(|last| last.base);
        if let (Some(mut file), Some(base)) = (self.active.take(), base)
            && let Err(error) = file.cut(durable.saturating_sub(base))
        {
            // Whoever reads it stops at the base of the next segment, and recovery at a frame that is not whole.
            tracing::warn!(%error, "a segment of the spool could not be cut back");
        }
    }

    /// Sees that the caps allow so many bytes more.
    fn make_room(&mut self, bytes: u64) -> Result<(), SpoolError> {
        let settings = &self.shared.settings;
        if let Some(max_age) = settings.max_age {
            let passed = self.shared.known().passed(self.shared.end());
            let waiting_since = self.shared.waiting_since(passed);
            if waiting_since.is_some_and(|since| since.plus(max_age) < self.shared.clock.now()) {
                return Err(SpoolError::Full);
            }
        }
        let max_bytes = settings.max_bytes;
        if self.used() + bytes > max_bytes {
            self.tidy(Keep::ForReaders);
        }
        // Where nothing waits, one batch may be as large as it likes.
        let fits = self.used() == 0 || self.used() + bytes <= max_bytes;
        if fits { Ok(()) } else { Err(SpoolError::Full) }
    }

    /// Bytes that the segments have on the disk.
    fn used(&self) -> u64 {
        self.shared.known().segments.iter().map(|segment| segment.end - segment.base).sum()
    }

    /// Removes segments that every reader has passed, and tells how large the others are.
    fn tidy(&mut self, keep: Keep) {
        if !self.is_open && self.open_segments().is_err() {
            return;
        }
        let (end, now) = (self.shared.end(), self.shared.clock.now());
        let known = self.shared.known();
        let passed = known.passed(end);
        let until = now.minus(self.shared.settings.keep);
        let is_old = |next: Option<&Segment>| next.and_then(|next| next.oldest).is_some_and(|at| at < until);
        let segments = &known.segments;
        let removed = segments.iter().enumerate().take_while(|(at, segment)| {
            segment.end <= passed && (keep == Keep::ForReaders || is_old(segments.get(at + 1)))
        });
        let removed: Vec<u64> = removed.map(|(_, segment)| segment.base).collect();
        drop(known);
        for base in removed {
            if let Err(error) = std::fs::remove_file(self.shared.path(base)) {
                tracing::warn!(%error, "a segment of the spool could not be removed");
                break;
            }
            self.shared.known().segments.retain(|segment| segment.base != base);
        }
        if self.shared.known().segments.is_empty() {
            self.active = None;
        }
        note_size(self.used());
    }

    fn open_segments(&mut self) -> io::Result<()> {
        if self.is_open {
            return Ok(());
        }
        match self.lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let segments = recovery::recover(&self.shared.directory)?;
        let offsets = offsets::read_all(&self.shared.directory)?;
        let end =
            segments.last().map_or(0, |last| last.end).max(offsets.values().copied().max().unwrap_or(0));
        note_size(segments.iter().map(|segment| segment.end - segment.base).sum());
        let mut known = self.shared.known();
        known.segments = segments;
        known.offsets = offsets;
        drop(known);
        self.is_open = true;
        self.shared.durable.send_replace(Some(end));
        sync_directory(&self.shared.directory)
    }
}

/// What passed segments are kept for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// For who may want them again, as long as there is room.
    ForReplay,
    /// For readers that have not passed them alone.
    ForReaders,
}

/// The names of files are durable only when the directory is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double, exact up to 2^53")]
fn note_size(bytes: u64) {
    metrics::gauge!("muster_spool_bytes").set(bytes as f64);
}
