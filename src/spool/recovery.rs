//! What a spool finds when it is opened: whole segments, and perhaps a torn tail.

use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::batch::Stored;
use super::frame::{self, Found};
use super::state::{Segment, segment_path};

/// The segments of a directory, in order. The tail of the last one is cut where its first frame begins that is not
/// whole; what is left is made durable.
pub(super) fn recover(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = list(directory)?;
    let Some(last) = segments.last_mut() else { return Ok(segments) };
    let path = segment_path(directory, last.base);
    let bytes = Bytes::from(std::fs::read(&path)?);
    let whole = whole_frames(&bytes);
    let file = File::options().write(true).open(&path)?;
    if whole < bytes.len() {
        let (kept_bytes, cut_bytes) = (whole, bytes.len() - whole);
        tracing::warn!(file = %path.display(), kept_bytes, cut_bytes, "a torn tail of the spool was cut");
        file.set_len(whole as u64)?;
    }
    file.sync_all()?;
    last.end = last.base + whole as u64;
    Ok(segments)
}

/// The segments as they stand there.
fn list(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let base =
            name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|base| base.parse().ok());
        if let Some(base) = base {
            let bytes = beginning(&entry.path())?;
            let end = base + entry.metadata()?.len();
            segments.push(Segment { base, end, oldest: frame::received_at(&bytes) });
        }
    }
    segments.sort_unstable_by_key(|segment| segment.base);
    // What lies behind the base of the next was not durable when that one was begun.
    for at in 1..segments.len() {
        segments[at - 1].end = segments[at - 1].end.min(segments[at].base);
    }
    Ok(segments)
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?.take(frame::HEADER as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes of the whole frames that `bytes` begin with.
fn whole_frames(bytes: &Bytes) -> usize {
    let mut at = 0;
    while let Found::Frame(_, size) = frame::decode(&bytes.slice(at..)) {
        at += size;
    }
    at
}

/// Every batch in the directory of a spool, in order: for who looks at one that nobody has open.
///
/// # Errors
/// When a file can't be read.
pub fn batches(directory: &Path) -> io::Result<Vec<Stored>> {
    let mut stored = Vec::new();
    for segment in list(directory)? {
        let bytes = Bytes::from(std::fs::read(segment_path(directory, segment.base))?);
        let mut at = 0;
        while let Found::Frame(batch, size) = frame::decode(&bytes.slice(at..)) {
            at += size;
            let end = super::Position(segment.base + at as u64);
            if end.0 <= segment.end {
                stored.push(Stored { end, batch: *batch });
            }
        }
    }
    Ok(stored)
}
