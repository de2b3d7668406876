//! The one thread that writes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::LogKind;
use super::file::SpoolFile;

/// Bytes of one group at most; a larger batch is a group alone.
const GROUP_BYTES: usize = 8 << 20;
/// Held by the process whose writer has the files.
const LOCK: &str = "writer.lock";

/// Lines of one caller.
pub(super) struct Batch {
    pub(super) kind: LogKind,
    pub(super) lines: Bytes,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

/// The files, once the lock on the directory is held.
pub(super) struct Writer {
    directory: PathBuf,
    lock: File,
    files: Option<Vec<SpoolFile>>,
}

impl Writer {
    /// Makes the directory, and opens the files unless another process holds them: a command beside a running
    /// server appends nothing, and must not take the server's half-written line for a torn one.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let lock = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
        let mut writer = Self { directory: directory.to_owned(), lock, files: None };
        match writer.open_files() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(writer),
        }
    }

    /// Writes group after group until every handle is gone, and notes whether each could be stored.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Batch>, works: &AtomicBool) {
        while let Some(first) = queue.blocking_recv() {
            let mut bytes = first.lines.len();
            let mut group = vec![first];
            while bytes < GROUP_BYTES
                && let Ok(next) = queue.try_recv()
            {
                bytes += next.lines.len();
                group.push(next);
            }
            works.store(self.write(group), Ordering::Relaxed);
        }
    }

    fn write(&mut self, mut group: Vec<Batch>) -> bool {
        let mut is_stored = true;
        for kind in LogKind::ALL {
            let batches: Vec<Batch> = group.extract_if(.., |batch| batch.kind == *kind).collect();
            if batches.is_empty() {
                continue;
            }
            let pieces: Vec<&[u8]> = batches.iter().map(|batch| &batch.lines[..]).collect();
            let outcome = self.commit(*kind, &pieces).map_err(Arc::new);
            is_stored &= outcome.is_ok();
            if let Err(error) = &outcome {
                tracing::error!(kind = kind.as_str(), %error, "log lines could not be stored; agents keep them");
            }
            for batch in batches {
                let answer = outcome.clone().map_err(|error| io::Error::new(error.kind(), error));
                // Who gave up waiting sends the lines again; that they are stored now does no harm.
                let _gone = batch.done.send(answer);
            }
        }
        is_stored
    }

    fn commit(&mut self, kind: LogKind, pieces: &[&[u8]]) -> io::Result<()> {
        if self.files.is_none() {
            self.open_files()?;
        }
        let file = self.files.as_mut().and_then(|files| files.get_mut(kind as usize));
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        file.commit(pieces)?;
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        metrics::counter!("muster_log_bytes_total", "kind" => kind.as_str()).increment(bytes);
        note_size(kind, file);
        Ok(())
    }

    fn open_files(&mut self) -> io::Result<()> {
        match self.lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let open = |kind: &LogKind| SpoolFile::open(self.directory.join(format!("{}.ndjson", kind.as_str())));
        let files: Vec<SpoolFile> = LogKind::ALL.iter().map(open).collect::<io::Result<_>>()?;
        LogKind::ALL.iter().zip(&files).for_each(|(kind, file)| note_size(*kind, file));
        self.files = Some(files);
        // The names of new files are durable only when the directory is.
        File::open(&self.directory)?.sync_all()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double, exact up to 2^53")]
fn note_size(kind: LogKind, file: &SpoolFile) {
    metrics::gauge!("muster_spool_bytes", "kind" => kind.as_str()).set(file.durable() as f64);
}
