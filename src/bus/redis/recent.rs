//! The newest entries of a log in Redis: a sorted set by position. A member is the position, eight bytes, and then the
//! entry, so that equal entries at two positions are two members.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult};

use crate::bus::Entry;

/// Adds entries and takes the oldest away until the rest fits. How many bytes there are is counted beside the set; a
/// set without its count is begun anew.
///
/// Keys: the set, its count. Arguments: bytes at most, milliseconds to live, then position and member of each entry.
const KEEP: &str = "
local bytes = tonumber(redis.call('GET', KEYS[2]))
if not bytes then
    redis.call('DEL', KEYS[1])
    bytes = 0
end
for i = 3, #ARGV, 2 do
    if redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
        bytes = bytes + #ARGV[i + 1]
    end
end
while bytes > tonumber(ARGV[1]) do
    local oldest = redis.call('ZPOPMIN', KEYS[1])
    if #oldest == 0 then
        bytes = 0
        break
    end
    bytes = bytes - #oldest[1]
end
redis.call('SET', KEYS[2], bytes, 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// How much is kept of one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of members at most.
    pub(super) bytes: usize,
    /// How long, after the newest entry came.
    pub(super) time: Duration,
}

impl Bounds {
    /// Adds the command that keeps entries under a key.
    pub(super) fn add(&self, pipeline: &mut Pipeline, key: &str, entries: &[Entry]) {
        let time = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        let command = pipeline.cmd("EVAL").arg(KEEP).arg(2).arg(key).arg(format!("{key}:bytes"));
        command.arg(self.bytes).arg(time);
        for entry in self.newest(entries) {
            command.arg(entry.position).arg(member(entry));
        }
        command.ignore();
    }

    /// Of many entries, the last ones that are worth sending.
    fn newest<'a>(&self, entries: &'a [Entry]) -> &'a [Entry] {
        let mut bytes = 0;
        let fitting = entries.iter().rev().take_while(|entry| {
            bytes += POSITION + entry.bytes.len();
            bytes <= self.bytes
        });
        &entries[entries.len() - fitting.count()..]
    }
}

/// Bytes of the position in a member.
const POSITION: usize = size_of::<i64>();

/// What is wanted of a log.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The key of its entries.
    pub(super) key: String,
    /// Only after this position.
    pub(super) after: i64,
    /// Not beyond this one.
    pub(super) up_to: i64,
    /// Entries at most.
    pub(super) limit: usize,
}

impl Wanted {
    /// Reads the entries, as long as there is exactly one at each position.
    pub(super) async fn read(&self, connection: &mut MultiplexedConnection) -> RedisResult<Vec<Entry>> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(&self.key).arg(format!("({}", self.after)).arg(self.up_to);
        // One more than wanted: it may be a second one at the last position.
        command.arg("LIMIT").arg(0).arg(self.limit + 1);
        let members: Vec<Vec<u8>> = command.query_async(connection).await?;
        let is_whole = members.len() <= self.limit;
        Ok(self.in_order(members.into_iter().filter_map(entry).collect(), is_whole))
    }

    /// The entries that follow one another without a hole and without a double; `is_whole`: these are all there are.
    fn in_order(&self, mut entries: Vec<Entry>, is_whole: bool) -> Vec<Entry> {
        let follows = |(index, entry): (usize, &Entry)| {
            let expected = self.after + 1 + i64::try_from(index).unwrap_or(i64::MAX);
            let next = entries.get(index + 1).map(|next| next.position);
            entry.position == expected && next != Some(expected)
        };
        let mut good = entries.iter().enumerate().take_while(|one| follows(*one)).count();
        if good == entries.len() && !is_whole {
            good = self.limit.min(good);
        }
        entries.truncate(good);
        entries
    }
}

/// An entry as a member of the set.
fn member(entry: &Entry) -> Vec<u8> {
    [&entry.position.to_be_bytes()[..], &entry.bytes].concat()
}

/// The entry of a member; none of one that is not ours.
fn entry(member: Vec<u8>) -> Option<Entry> {
    let position = i64::from_be_bytes(*member.first_chunk()?);
    Some(Entry { position, bytes: bytes::Bytes::from(member).slice(POSITION..) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(positions: &[i64], is_whole: bool) -> Vec<i64> {
        let wanted = Wanted { key: String::new(), after: 4, up_to: 99, limit: 3 };
        let entry = |position: &i64| Entry { position: *position, bytes: "x".into() };
        let entries = wanted.in_order(positions.iter().map(entry).collect(), is_whole);
        entries.iter().map(|entry| entry.position).collect()
    }

    #[test]
    fn entries_end_before_a_hole_and_before_a_double() {
        assert_eq!(read(&[], true), [0; 0]);
        assert_eq!(read(&[5, 6, 7], true), [5, 6, 7]);
        assert_eq!(read(&[6, 7], true), [0; 0], "the first is missing");
        assert_eq!(read(&[5, 7], true), [5]);
        assert_eq!(read(&[5, 6, 6], true), [5]);
        assert_eq!(read(&[5, 5, 6], true), [0; 0]);
        assert_eq!(read(&[5, 6, 7, 8], false), [5, 6, 7], "as many as were wanted");
        assert_eq!(read(&[5, 6, 7, 7], false), [5, 6], "the double of the last one is seen");
    }

    #[test]
    fn members_are_read_as_they_were_written() {
        let written = Entry { position: 1 << 40, bytes: "{}".into() };
        assert_eq!(entry(member(&written)), Some(written));
        assert_eq!(entry(vec![1, 2]), None);
    }

    #[test]
    fn of_too_much_the_newest_is_sent() {
        let entries: Vec<_> = (1..=5).map(|position| Entry { position, bytes: "ab".into() }).collect();
        let newest = |bytes| Bounds { bytes, time: Duration::from_secs(1) }.newest(&entries).len();
        assert_eq!([newest(9), newest(10), newest(35), newest(1_000)], [0, 1, 3, 5]);
    }
}
