//! NDJSON files, one a kind: rotated by size and age, compressed, opened again at SIGHUP.

mod full;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::DateTime;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::envelope::{Content, Line};
use super::units::{Bytes, Span};
use super::{Destination, Failure};
use crate::clock::{Clock, Timestamp};
use crate::spool::LogKind;
use full::{born, compress, end_of_last_line, remove_oldest};

/// What can be set of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileTarget {
    /// Where the files are; relative to the data directory.
    pub directory: PathBuf,
    /// What stands in a line: the envelope, or the agent's own text alone.
    pub content: Content,
    /// A file that is as large is followed by another.
    pub rotate_size: Bytes,
    /// A file that is as old is followed by another; none: whatever its age.
    pub rotate_age: Option<Span>,
    /// Full files are compressed.
    pub compress: bool,
    /// Full files of a kind that are kept; none: all.
    pub keep: Option<usize>,
}

impl Default for FileTarget {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("logs"),
            content: Content::default(),
            rotate_size: Bytes(256 << 20),
            rotate_age: None,
            compress: true,
            keep: None,
        }
    }
}

/// The files.
pub(super) struct Files(Arc<Mutex<Open>>);

/// Those that are open. A write that nobody awaits any more ends before the next begins.
struct Open {
    target: FileTarget,
    clock: Clock,
    files: BTreeMap<LogKind, OpenFile>,
}

struct OpenFile {
    file: File,
    /// Bytes of whole lines.
    size: u64,
    since: Timestamp,
}

impl Files {
    pub(super) fn new(target: &FileTarget, data: &Path, clock: Clock) -> Self {
        let target = FileTarget { directory: data.join(&target.directory), ..target.clone() };
        Self(Arc::new(Mutex::new(Open { target, clock, files: BTreeMap::new() })))
    }

    /// Does something with the files, on a thread that may wait for the disk.
    fn with<'a, T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Open) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, Failure>> {
        let open = Arc::clone(&self.0);
        Box::pin(async move {
            let done = spawn_blocking(move || work(&mut open.lock().unwrap_or_else(PoisonError::into_inner)));
            done.await.map_err(Failure::retry)?.map_err(Failure::retry)
        })
    }
}

impl Destination for Files {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        let content = self.0.lock().unwrap_or_else(PoisonError::into_inner).target.content;
        let mut texts: BTreeMap<LogKind, Vec<u8>> = BTreeMap::new();
        for line in lines {
            let text = texts.entry(line.kind).or_default();
            text.extend_from_slice(content.text(line));
            text.push(b'\n');
        }
        self.with(move |open| texts.iter().try_for_each(|(kind, text)| open.append(*kind, text)))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        self.with(|open| std::fs::create_dir_all(&open.target.directory))
    }

    fn reopen(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).files.clear();
    }
}

impl Open {
    /// Appends whole lines, durably. After a failure the file is cut back to whole lines when it is opened again.
    fn append(&mut self, kind: LogKind, text: &[u8]) -> io::Result<()> {
        let now = self.clock.now();
        if self.files.get(&kind).is_some_and(|file| self.is_full(file, text.len(), now)) {
            self.files.remove(&kind);
            self.rotate(kind, now)?;
        }
        let mut file = match self.files.remove(&kind) {
            Some(file) => file,
            None => self.open(kind, now)?,
        };
        file.file.write_all(text)?;
        file.file.sync_data()?;
        file.size += text.len() as u64;
        self.files.insert(kind, file);
        Ok(())
    }

    fn is_full(&self, file: &OpenFile, more: usize, now: Timestamp) -> bool {
        let is_large = file.size > 0 && file.size + more as u64 > self.target.rotate_size.0;
        let is_old = self.target.rotate_age.is_some_and(|age| file.since.plus(age.0) <= now);
        is_large || (is_old && file.size > 0)
    }

    fn path(&self, kind: LogKind) -> PathBuf {
        self.target.directory.join(format!("{}.ndjson", kind.as_str()))
    }

    /// Opens (and makes) a file, and cuts a torn last line.
    fn open(&self, kind: LogKind, now: Timestamp) -> io::Result<OpenFile> {
        std::fs::create_dir_all(&self.target.directory)?;
        let path = self.path(kind);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path)?;
        let size = end_of_last_line(&mut file)?;
        if size < file.metadata()?.len() {
            tracing::warn!(file = %path.display(), kept_bytes = size, "a torn last log line was cut");
            file.set_len(size)?;
            file.sync_all()?;
        }
        File::open(&self.target.directory)?.sync_all()?;
        let since = if size == 0 { now } else { born(&file)?.min(now) };
        Ok(OpenFile { file, size, since })
    }

    /// Names the file after this time, so that a new one is begun, and does with the full ones what is to be done.
    fn rotate(&mut self, kind: LogKind, now: Timestamp) -> io::Result<()> {
        let time = DateTime::from_timestamp_millis(now.0).unwrap_or_default().format("%Y%m%dT%H%M%S%3fZ");
        let mut full = self.target.directory.join(format!("{}-{time}.ndjson", kind.as_str()));
        let mut copy = 1;
        while full.exists() || full.with_extension("ndjson.gz").exists() {
            full = self.target.directory.join(format!("{}-{time}-{copy}.ndjson", kind.as_str()));
            copy += 1;
        }
        std::fs::rename(self.path(kind), &full)?;
        let target = self.target.clone();
        // The next lines do not wait for it.
        spawn_blocking(move || {
            let compressed = if target.compress { compress(&full) } else { Ok(()) };
            if let Err(error) = compressed.and_then(|()| remove_oldest(&target, kind)) {
                tracing::warn!(file = %full.display(), %error, "a full log file could not be put away");
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use super::*;
    use crate::clock::FixedClock;
    use crate::destination::lines;
    use crate::spool::testing::{NOW, batch};

    fn files(directory: &Path, options: &str, clock: &FixedClock) -> Files {
        let target: FileTarget = toml::from_str(options).expect("valid");
        Files::new(&target, directory, Clock::Fixed(clock.clone()))
    }

    async fn deliver(files: &mut Files, text: &str) -> Result<(), Failure> {
        files.deliver(&lines(&batch(LogKind::Result, &format!("{{\"a\":\"{text}\"}}\n")))).await
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory.join("logs")).expect("it is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn full_and_old_files_are_followed_by_others() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let clock = FixedClock::at(NOW);
        let options = "content = 'raw'\ncompress = false\nrotate_size = '20 B'\nrotate_age = '1h'\nkeep = 2";
        let mut files = files(directory.path(), options, &clock);
        for text in ["1", "2", "3", "4"] {
            deliver(&mut files, text).await.expect("written");
        }
        // 10 bytes a line: two in a file.
        assert_eq!(
            std::fs::read_to_string(directory.path().join("logs/result.ndjson")).expect("read"),
            "{\"a\":\"3\"}\n{\"a\":\"4\"}\n"
        );
        clock.advance(Duration::from_hours(1));
        deliver(&mut files, "5").await.expect("written");
        clock.advance(Duration::from_hours(1));
        deliver(&mut files, "6").await.expect("written");
        drop(files);
        let expected = 3;
        for _ in 0..10_000 {
            if names(directory.path()).len() == expected {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(names(directory.path()).len(), expected, "{:?}", names(directory.path()));
    }

    #[tokio::test]
    async fn a_full_file_is_compressed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut files =
            files(directory.path(), "content = 'raw'\nrotate_size = '10 B'", &FixedClock::at(NOW));
        deliver(&mut files, "1").await.expect("written");
        deliver(&mut files, "2").await.expect("written");
        let done = directory.path().join("logs/result-20231114T221320123Z.ndjson.gz");
        while names(directory.path()).len() != 2 || !done.exists() {
            tokio::task::yield_now().await;
        }
        let mut text = String::new();
        let mut decoder = flate2::read::GzDecoder::new(File::open(done).expect("it is there"));
        decoder.read_to_string(&mut text).expect("gzip");
        assert_eq!(text, "{\"a\":\"1\"}\n");
    }

    #[tokio::test]
    async fn a_torn_line_is_cut_and_a_moved_file_is_let_go() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("logs/result.ndjson");
        std::fs::create_dir(directory.path().join("logs")).expect("made");
        std::fs::write(&path, format!("one\n{}", "x".repeat(200_000))).expect("written");
        let mut files = files(directory.path(), "content = 'raw'", &FixedClock::at(NOW));
        deliver(&mut files, "2").await.expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\n{\"a\":\"2\"}\n");
        std::fs::rename(&path, directory.path().join("moved")).expect("renamed");
        files.reopen();
        deliver(&mut files, "3").await.expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "{\"a\":\"3\"}\n");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn f19_a_full_disk_is_tried_again() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("logs/result.ndjson");
        std::fs::create_dir(directory.path().join("logs")).expect("made");
        std::os::unix::fs::symlink("/dev/full", &path).expect("linked");
        let mut files = files(directory.path(), "", &FixedClock::at(NOW));
        assert!(matches!(deliver(&mut files, "1").await, Err(Failure::Retry(..))));
        std::fs::remove_file(&path).expect("removed");
        deliver(&mut files, "1").await.expect("there is room again");
    }
}
