//! How a batch stands in a segment: a header with its length and checksum, its origin, its lines.
//!
//! All numbers are little-endian. The checksum is CRC-32 over everything behind it.
//!
//! | bytes | |
//! | --- | --- |
//! | 0..4 | the mark `MSP1` |
//! | 4..8 | length of what follows the header |
//! | 8..12 | checksum |
//! | 12..16 | kind, three times zero |
//! | 16..20 | length of the origin |
//! | 20..28 | received time, milliseconds |

use bytes::Bytes;
use entity::id::PublicId;
use entity::time::Timestamp;
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, LogKind, Origin};

/// What every frame begins with.
const MARK: [u8; 4] = *b"MSP1";
/// Bytes of a header.
pub(super) const HEADER: usize = 28;
/// Where the checksum stands, and what it is over.
const CHECKSUM: std::ops::Range<usize> = 8..12;
/// Bytes behind a header at most; no batch is as large.
const MAX_BODY: usize = 1 << 30;

/// What a frame says of its batch beside the header.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    id: std::borrow::Cow<'a, str>,
    origin: std::borrow::Cow<'a, Origin>,
}

/// The frame of a batch but for its lines, which follow it.
pub(super) fn encode(batch: &Batch) -> Vec<u8> {
    use std::borrow::Cow;
    let head = Head { id: Cow::Borrowed(&batch.id.0), origin: Cow::Borrowed(&batch.origin) };
    let head = serde_json::to_vec(&head).expect("texts and numbers are JSON");
    let mut frame = Vec::with_capacity(HEADER + head.len());
    frame.extend_from_slice(&MARK);
    frame.extend_from_slice(&length(head.len() + batch.lines.len()));
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&[batch.kind.code(), 0, 0, 0]);
    frame.extend_from_slice(&length(head.len()));
    frame.extend_from_slice(&batch.received_at.0.to_le_bytes());
    frame.extend_from_slice(&head);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&frame[CHECKSUM.end..]);
    checksum.update(&batch.lines);
    frame[CHECKSUM].copy_from_slice(&checksum.finalize().to_le_bytes());
    frame
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("a body is bounded far below 4 GiB").to_le_bytes()
}

/// What is found where a frame should begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame of so many bytes.
    Frame(Box<Batch>, usize),
    /// The beginning of a frame of so many bytes.
    Part(usize),
    /// No frame.
    Nothing,
}

/// Reads the frame that `bytes` begin with; its lines are a slice of them.
pub(super) fn decode(bytes: &Bytes) -> Found {
    let Some(size) = size(bytes) else {
        return if is_beginning(bytes) { Found::Part(HEADER) } else { Found::Nothing };
    };
    if bytes.len() < size {
        return Found::Part(size);
    }
    let frame = bytes.slice(..size);
    if crc32fast::hash(&frame[CHECKSUM.end..]).to_le_bytes() != frame[CHECKSUM] {
        return Found::Nothing;
    }
    match batch(&frame) {
        Some(batch) => Found::Frame(Box::new(batch), size),
        None => Found::Nothing,
    }
}

/// Received time of the frame that `bytes` begin with.
pub(super) fn received_at(bytes: &[u8]) -> Option<Timestamp> {
    size(bytes)?;
    Some(Timestamp(i64::from_le_bytes(bytes.get(20..HEADER)?.try_into().ok()?)))
}

/// Whether these few bytes may be the beginning of a header.
fn is_beginning(bytes: &[u8]) -> bool {
    let known = bytes.len().min(MARK.len());
    bytes.len() < HEADER && bytes[..known] == MARK[..known]
}

/// Bytes of the whole frame; none when this is no whole header.
fn size(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..HEADER)?;
    let body = number(header, 4)?;
    (header.starts_with(&MARK) && body <= MAX_BODY).then_some(HEADER + body)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let number = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    usize::try_from(number).ok()
}

fn batch(frame: &Bytes) -> Option<Batch> {
    let lines = HEADER + number(frame, 16)?;
    let head: Head<'_> = serde_json::from_slice(frame.get(HEADER..lines)?).ok()?;
    Some(Batch {
        id: PublicId(head.id.into_owned()),
        kind: LogKind::of_code(frame[12])?,
        received_at: received_at(frame)?,
        origin: head.origin.into_owned(),
        lines: frame.slice(lines..),
    })
}

/// Where the next whole frame begins in `bytes`, from `from` on.
pub(super) fn find(bytes: &Bytes, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memmem::find(bytes.get(at..)?, &MARK) {
        at += found;
        if matches!(decode(&bytes.slice(at..)), Found::Frame(..)) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::batch;
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        let batch = batch(LogKind::Result, text);
        [encode(&batch), batch.lines.to_vec()].concat()
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let bytes = Bytes::from(frame("{\"a\":1}\n"));
        let Found::Frame(read, size) = decode(&bytes) else { panic!("it is a frame") };
        assert_eq!((*read, size), (batch(LogKind::Result, "{\"a\":1}\n"), bytes.len()));
    }

    #[test]
    fn no_part_of_a_frame_is_a_frame_and_no_bit_may_change() {
        let whole = frame("{\"a\":1}\n");
        for length in 0..whole.len() {
            let part = Bytes::copy_from_slice(&whole[..length]);
            assert!(matches!(decode(&part), Found::Part(_)), "{length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert!(!matches!(decode(&Bytes::from(changed)), Found::Frame(..)), "{at}");
        }
    }

    #[test]
    fn the_next_whole_frame_is_found_behind_what_is_none() {
        let broken = &frame("{\"a\":1}\n")[..40];
        let bytes = Bytes::from([broken, b"MSP1 and more", &frame("{\"a\":2}\n")].concat());
        assert_eq!(find(&bytes, 1), Some(53));
        assert_eq!(find(&bytes, 54), None);
    }
}
