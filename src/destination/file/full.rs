//! Files that are full: put away, and removed when there are too many; and the end of one that a crash tore.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::FileTarget;
use crate::clock::Timestamp;
use crate::spool::LogKind;

/// Bytes read at a time when the end of the last whole line is looked for.
const BLOCK: u64 = 64 << 10;

/// When a file was made, as far as the system knows.
pub(super) fn born(file: &File) -> io::Result<Timestamp> {
    let metadata = file.metadata()?;
    let time = metadata.created().or_else(|_| metadata.modified())?;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// Puts a compressed file in the place of a file.
pub(super) fn compress(path: &Path) -> io::Result<()> {
    let (beside, done) = (path.with_extension("ndjson.gz.new"), path.with_extension("ndjson.gz"));
    let mut encoder = GzEncoder::new(File::create(&beside)?, Compression::default());
    io::copy(&mut File::open(path)?, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    std::fs::rename(&beside, &done)?;
    std::fs::remove_file(path)
}

/// Removes full files of a kind, the oldest first, until as many are left as are kept.
pub(super) fn remove_oldest(target: &FileTarget, kind: LogKind) -> io::Result<()> {
    let Some(keep) = target.keep else { return Ok(()) };
    let mut full = Vec::new();
    for entry in std::fs::read_dir(&target.directory)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(&format!("{}-", kind.as_str()))) {
            full.push(name);
        }
    }
    full.sort_unstable();
    let gone = full.len().saturating_sub(keep);
    full.iter().take(gone).try_for_each(|name| std::fs::remove_file(target.directory.join(name)))
}

/// Length of the file up to and with its last line feed.
pub(super) fn end_of_last_line(file: &mut File) -> io::Result<u64> {
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
