//! How far each reader is: a small file a reader, replaced as a whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::disk;

/// Ending of their names.
const ENDING: &str = "offset";
/// Ending of the names of the files that say which replay was the last.
const REPLAY: &str = "replay";

/// Whether a reader may have this name: it becomes that of a file.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    !name.is_empty() && name.len() <= 100 && name.chars().all(fits)
}

/// Every reader's offset. A file that holds none is as good as absent: its reader begins at the oldest line.
pub(super) fn read_all(spool: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut offsets = BTreeMap::new();
    for entry in std::fs::read_dir(directory(spool))? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_some_and(|ending| ending == ENDING) {
            let text = std::fs::read_to_string(&path)?;
            let offset = text.trim().parse().unwrap_or_else(|_| {
                tracing::error!(
                    reader = name,
                    "an offset can't be read; its reader begins at the oldest line"
                );
                0
            });
            offsets.insert(name.to_owned(), offset);
        }
    }
    Ok(offsets)
}

/// Replaces a reader's offset, durably.
pub(super) fn write(spool: &Path, reader: &str, offset: u64) -> io::Result<()> {
    disk::replace(&path(spool, reader), format!("{offset}\n").as_bytes())
}

/// The number of a reader's last replay; none when none was ever noted.
pub(super) fn replay(spool: &Path, reader: &str) -> io::Result<Option<u32>> {
    match std::fs::read_to_string(path(spool, reader).with_extension(REPLAY)) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes the number of a reader's last replay, durably.
pub(super) fn write_replay(spool: &Path, reader: &str, number: u32) -> io::Result<()> {
    disk::replace(&path(spool, reader).with_extension(REPLAY), format!("{number}\n").as_bytes())
}

/// Removes what is noted of a reader; that there is nothing is no error.
pub(super) fn remove(spool: &Path, reader: &str) -> io::Result<()> {
    let offset = path(spool, reader);
    for path in [offset.with_extension(REPLAY), offset] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Where the files are.
pub(super) fn directory(spool: &Path) -> PathBuf {
    spool.join("readers")
}

fn path(spool: &Path, reader: &str) -> PathBuf {
    directory(spool).join(format!("{reader}.{ENDING}"))
}
