//! PORT the files of segments: of the system, or with faults for tests.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes the files of segments.
pub trait Disk: Send {
    /// Makes a new, empty file; one that is there is replaced. Its name is durable when this returns.
    ///
    /// # Errors
    /// What the system says.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
}

/// A file that is only appended to.
pub trait SegmentFile: Send {
    /// Writes all the pieces, one behind the other, at the end.
    ///
    /// # Errors
    /// What the system says; part of them may be written.
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()>;

    /// Makes what was appended durable. After a failure nothing that was appended since the last success is trusted.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// What the system says.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The files of the system.
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        // A new file, not an emptied one: the system may hold a failed write against the old one.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().create_new(true).append(true).open(path)?;
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(Box::new(file))
    }
}

impl SegmentFile for File {
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        pieces.iter().try_for_each(|piece| self.write_all(piece))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_all()
    }
}

/// Replaces a small file as a whole, durably: who reads it sees the old or the new text.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
