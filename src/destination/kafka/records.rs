//! A batch of records as partitions keep it, and which partition a record belongs to.

use std::io;

use super::wire::Writer;
use crate::destination::Line;
use crate::destination::envelope::Content;
use crate::destination::http::gzip;

/// The version of the form.
const MAGIC: u8 = 2;
/// What attributes say of records that are compressed with gzip.
const GZIP: i16 = 1;
/// What stands for a number that nobody gave.
const NONE: i64 = -1;

/// A batch with these lines: the host is the key, the line is the value, and its id and its batch stand in headers.
pub(super) fn batch(lines: &[&Line], content: Content, compress: bool) -> io::Result<Vec<u8>> {
    let times = || lines.iter().map(|line| line.received_at.0);
    let (first, last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
    let mut records = Writer::default();
    for (at, line) in (0..).zip(lines) {
        records.short(&record(line, content, (line.received_at.0 - first, at)));
    }
    let records = if compress { gzip(&records.0)? } else { records.0 };
    let count = i32::try_from(lines.len()).map_err(io::Error::other)?;
    // What the checksum is of.
    let mut summed = Writer::default();
    summed.i16(if compress { GZIP } else { 0 });
    summed.i32(count - 1);
    summed.i64(first);
    summed.i64(last);
    // Neither a producer's id nor its epoch, nor a number in its sequence.
    summed.i64(NONE);
    summed.i16(-1);
    summed.i32(-1);
    summed.i32(count);
    summed.0.extend_from_slice(&records);
    let mut rest = Writer::default();
    // No epoch of a leader.
    rest.i32(-1);
    rest.0.push(MAGIC);
    rest.0.extend_from_slice(&crc32c::crc32c(&summed.0).to_be_bytes());
    rest.0.extend_from_slice(&summed.0);
    let mut batch = Writer::default();
    batch.i64(0);
    batch.bytes(&rest.0);
    Ok(batch.0)
}

fn record(line: &Line, content: Content, (later, at): (i64, i64)) -> Vec<u8> {
    let mut record = Writer::default();
    // It has no attributes.
    record.0.push(0);
    record.varint(later);
    record.varint(at);
    match &line.host {
        Some(host) => record.short(host.as_bytes()),
        None => record.varint(NONE),
    }
    record.short(content.text(line));
    let headers = [("line_id", line.id.as_str()), ("batch", &line.batch)];
    record.varint(2);
    for (name, value) in headers {
        record.short(name.as_bytes());
        record.short(value.as_bytes());
    }
    record.0
}

/// The partition of a line among so many: one a host, as other producers choose it by their keys; what is of no host
/// stays together with its batch.
pub(super) fn partition(line: &Line, count: usize) -> usize {
    let key = line.host.as_deref().unwrap_or(&line.batch);
    let positive = murmur2(key.as_bytes()) & 0x7fff_ffff;
    usize::try_from(positive).unwrap_or_default() % count.max(1)
}

/// The hash that Kafka's own producers choose partitions by.
fn murmur2(bytes: &[u8]) -> u32 {
    const FACTOR: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let (fours, rest) = bytes.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for four in fours {
        let mut mixed = u32::from_le_bytes(*four).wrapping_mul(FACTOR);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(FACTOR) ^ mixed.wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::lines;
    use crate::spool::LogKind;
    use crate::spool::testing::batch as spooled;

    /// The values that Kafka's own tests expect of its hash.
    #[test]
    fn a_partition_is_chosen_as_other_producers_choose_it() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_batch_says_its_length_and_its_checksum() {
        let lines = lines(&spooled(LogKind::Result, "{\"a\":1}\n{\"a\":2}\n"));
        for compress in [false, true] {
            let batch = batch(&lines.iter().collect::<Vec<_>>(), Content::Raw, compress).expect("encoded");
            let length = i32::from_be_bytes(batch[8..12].try_into().expect("four bytes"));
            assert_eq!(usize::try_from(length), Ok(batch.len() - 12));
            assert_eq!(batch[16], MAGIC);
            let sum = u32::from_be_bytes(batch[17..21].try_into().expect("four bytes"));
            assert_eq!(sum, crc32c::crc32c(&batch[21..]));
            assert_eq!(batch[57..61], [0, 0, 0, 2], "two records");
        }
    }

    #[test]
    fn lines_of_a_host_stay_in_their_order() {
        let lines = lines(&spooled(LogKind::Result, "{\"a\":1}\n{\"a\":2}\n"));
        assert_eq!(partition(&lines[0], 12), partition(&lines[1], 12));
        assert_eq!(partition(&lines[0], 0), 0);
    }
}
