//! One NDJSON file and how much of it is durable.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes read at a time when the end of the last whole line is looked for.
const BLOCK: u64 = 64 << 10;

/// An NDJSON file that is only appended to.
pub(super) struct SpoolFile {
    path: PathBuf,
    /// Bytes that are on disk; what lies beyond is not trusted.
    durable: u64,
    /// None after a failure, until it is opened anew.
    file: Option<File>,
}

impl SpoolFile {
    /// Opens (and makes) the file and cuts a torn last line.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let mut file = open_for_append(&path)?;
        let durable = end_of_last_line(&mut file)?;
        if durable < file.metadata()?.len() {
            tracing::warn!(file = %path.display(), durable_bytes = durable, "a torn last log line was cut");
            file.set_len(durable)?;
            file.sync_all()?;
        }
        Ok(Self { path, durable, file: Some(file) })
    }

    /// Writes the pieces in order and syncs once; when it fails, none of them counts.
    pub(super) fn commit(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let outcome = self.write(pieces);
        match outcome {
            Ok(written) => self.durable += written,
            Err(_) => self.file = None,
        }
        outcome.map(|_| ())
    }

    /// Bytes that are on disk.
    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    fn write(&mut self, pieces: &[&[u8]]) -> io::Result<u64> {
        if self.file.is_none() {
            self.file = Some(self.reopen()?);
        }
        let Some(file) = self.file.as_mut() else { return Ok(0) };
        let mut written = 0;
        for piece in pieces {
            file.write_all(piece)?;
            written += piece.len() as u64;
        }
        file.sync_data()?;
        Ok(written)
    }

    /// Opens the file anew and cuts it back to what is durable: after a failed sync the system may hold pages as
    /// clean that never reached the disk. A file that is shorter than that was replaced by somebody.
    fn reopen(&mut self) -> io::Result<File> {
        let file = open_for_append(&self.path)?;
        self.durable = self.durable.min(file.metadata()?.len());
        file.set_len(self.durable)?;
        file.sync_all()?;
        Ok(file)
    }
}

fn open_for_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).open(path)
}

/// Length of the file up to and with its last line feed.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        (&mut *file).take(end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_last_durable_byte_is_cut_after_a_failure() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("x.ndjson");
        let mut spool = SpoolFile::open(path.clone()).expect("opens");
        spool.commit(&[b"one\n"]).expect("written");
        std::fs::write(&path, "one\ntw").expect("written");
        spool.file = None;
        spool.commit(&[b"three\n"]).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\nthree\n");
    }

    #[test]
    fn a_torn_line_longer_than_a_block_is_cut_whole() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("x.ndjson");
        let torn = format!("one\n{}", "x".repeat(200_000));
        std::fs::write(&path, torn).expect("written");
        SpoolFile::open(path.clone()).expect("opens");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\n");
    }
}
