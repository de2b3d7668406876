//! Tests of the spool as its users see it.

mod faults;

use std::path::Path;
use std::time::Duration;

use super::testing::{NOW, batch, open};
use super::*;
use crate::clock::{Clock, FixedClock};

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

async fn append(spool: &Spool, text: &str) -> Result<Position, SpoolError> {
    spool.append(batch(LogKind::Result, &format!("{text}\n"))).await
}

/// Everything that a reader has not read.
async fn texts(reader: &mut Reader) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let batches = reader.read(1 << 20).await.expect("it can be read");
        if batches.is_empty() {
            return texts;
        }
        let text = |stored: &Stored| String::from_utf8_lossy(&stored.batch.lines).trim().to_owned();
        texts.extend(batches.iter().map(text));
    }
}

fn small(segment_bytes: u64) -> SpoolSettings {
    SpoolSettings { segment_bytes, ..SpoolSettings::default() }
}

#[tokio::test]
async fn every_reader_reads_everything_in_order_from_its_own_offset() {
    let directory = directory();
    let spool = open(directory.path(), small(300));
    let mut one = spool.reader("one").expect("a name");
    let mut ends = Vec::new();
    for number in 0..10 {
        ends.push(append(&spool, &number.to_string()).await.expect("appended"));
    }
    assert_eq!(texts(&mut one).await, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    one.commit(ends[3]).await.expect("committed");
    one.rewind();
    assert_eq!(texts(&mut one).await.len(), 6, "what was not committed is read again");
    drop((spool, one));
    let spool = reopened(directory.path()).await;
    append(&spool, "10").await.expect("appended");
    assert_eq!(texts(&mut spool.reader("one").expect("a name")).await.len(), 7);
    assert_eq!(texts(&mut spool.reader("two").expect("a name")).await.len(), 11);
    assert_eq!(batches(directory.path()).expect("it is there").len(), 11);
}

/// The spool again, once the thread of the one before has let go of it.
async fn reopened(directory: &Path) -> Spool {
    let spool = open(directory, SpoolSettings::default());
    while spool.shared.durable.borrow().is_none() {
        spool.writer.send(Order::Tidy).await.expect("it runs");
        tokio::task::yield_now().await;
    }
    spool
}

#[tokio::test]
async fn appends_at_once_are_all_there() {
    let directory = directory();
    let spool = open(directory.path(), small(4_000));
    let appends = (0..200).map(|n| {
        let spool = spool.clone();
        async move { append(&spool, &n.to_string()).await }
    });
    for outcome in futures_util::future::join_all(appends).await {
        outcome.expect("appended");
    }
    let read = texts(&mut spool.reader("one").expect("a name")).await;
    let mut numbers: Vec<u32> = read.iter().map(|text| text.parse().expect("a whole line")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_waiting_reader_is_woken() {
    let directory = directory();
    let spool = open(directory.path(), SpoolSettings::default());
    let mut reader = spool.reader("one").expect("a name");
    assert!(texts(&mut reader).await.is_empty());
    let waiting = tokio::spawn(async move {
        reader.wait().await;
        texts(&mut reader).await
    });
    append(&spool, "a").await.expect("appended");
    let woken = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is woken");
    assert_eq!(woken.expect("it lives"), ["a"]);
}

#[tokio::test]
async fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let directory = directory();
    let spool = open(directory.path(), SpoolSettings::default());
    let first = append(&spool, "one").await.expect("appended");
    append(&spool, "two").await.expect("appended");
    drop(spool);
    let path = state::segment_path(directory.path(), 0);
    let whole = std::fs::read(&path).expect("it is there");
    let first = usize::try_from(first.0).expect("small");
    for torn in [first, first + 1, first + 20, whole.len() - 1] {
        for tail in [&b""[..], &[0; 100]] {
            let torn = [&whole[..torn], tail].concat();
            std::fs::write(&path, torn).expect("written");
            let segments = recovery::recover(directory.path()).expect("recovered");
            assert_eq!(segments[0].end, first as u64);
            assert_eq!(std::fs::metadata(&path).expect("it is there").len(), first as u64);
        }
    }
}

#[tokio::test]
async fn damage_costs_only_itself() {
    let directory = directory();
    let spool = open(directory.path(), small(500));
    let mut ends = Vec::new();
    for number in 0..9 {
        ends.push(append(&spool, &number.to_string()).await.expect("appended").0);
    }
    let path = state::segment_path(directory.path(), 0);
    let mut bytes = std::fs::read(&path).expect("it is there");
    let inside = usize::try_from(ends[1]).expect("small") + 40;
    bytes[inside] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let read = texts(&mut spool.reader("one").expect("a name")).await;
    assert_eq!(read, ["0", "1", "3", "4", "5", "6", "7", "8"]);
}

#[tokio::test]
async fn segments_go_when_everybody_has_passed_and_a_full_spool_refuses() {
    let directory = directory();
    let settings = SpoolSettings { max_bytes: 1_000, segment_bytes: 300, ..SpoolSettings::default() };
    let spool = open(directory.path(), settings);
    let (mut one, mut two) = (spool.reader("one").expect("a name"), spool.reader("two").expect("a name"));
    assert!(texts(&mut one).await.is_empty() && texts(&mut two).await.is_empty(), "both hold the beginning");
    let mut stored = 0;
    let refused = loop {
        match append(&spool, &stored.to_string()).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SpoolError::Full), "{refused}");
    assert!(stored > 3 && !spool.is_healthy(), "{stored}");
    for reader in [&mut one, &mut two] {
        assert!(append(&spool, "no").await.is_err(), "one of them has not passed");
        let batches = reader.read(1 << 20).await.expect("it can be read");
        reader.commit(batches.last().expect("there are some").end).await.expect("committed");
    }
    append(&spool, "yes").await.expect("there is room again");
    assert!(spool.is_healthy());
    spool.forget("two").expect("forgotten");
    assert_eq!(spool.readers(), ["one"]);
}

#[tokio::test]
async fn an_old_line_that_waits_makes_the_spool_full() {
    let directory = directory();
    let settings = SpoolSettings { max_age: Some(Duration::from_mins(1)), ..SpoolSettings::default() };
    let clock = FixedClock::at(NOW);
    let spool = Spool::open(directory.path(), settings, Clock::Fixed(clock.clone())).expect("opens");
    let mut reader = spool.reader("one").expect("a name");
    assert!(texts(&mut reader).await.is_empty());
    let end = append(&spool, "a").await.expect("appended");
    assert_eq!(reader.lag(), Lag { bytes: end.0, since: Some(NOW) });
    clock.advance(Duration::from_mins(2));
    assert!(matches!(append(&spool, "b").await, Err(SpoolError::Full)));
    reader.commit(end).await.expect("committed");
    assert_eq!(reader.lag(), Lag::default());
    append(&spool, "b").await.expect("appended");
}

#[tokio::test]
async fn a_reader_begins_again_at_a_time() {
    let directory = directory();
    let spool = open(directory.path(), small(300));
    let mut reader = spool.reader("one").expect("a name");
    for minute in 0..10 {
        let mut batch = batch(LogKind::Result, &format!("{minute}\n"));
        batch.received_at = NOW.plus(Duration::from_mins(minute));
        let end = spool.append(batch).await.expect("appended");
        reader.commit(end).await.expect("committed");
    }
    for (from, expected) in [(0, 10), (1, 9), (7, 3), (9, 1), (10, 0)] {
        reader.replay(NOW.plus(Duration::from_mins(from))).await.expect("sought");
        assert_eq!(texts(&mut reader).await.len(), expected, "from minute {from}");
    }
}

#[tokio::test]
async fn somebody_waits_until_all_have_passed() {
    let directory = directory();
    let spool = open(directory.path(), SpoolSettings::default());
    let mut to = spool.reader("to-x").expect("a name");
    let mut other = spool.reader("other").expect("a name");
    assert!(texts(&mut to).await.is_empty() && texts(&mut other).await.is_empty());
    let end = append(&spool, "a").await.expect("appended");
    let mut passed = std::pin::pin!(spool.passed("to-", end));
    assert!(futures_util::poll!(&mut passed).is_pending());
    to.commit(end).await.expect("committed");
    tokio::time::timeout(Duration::from_secs(30), passed).await.expect("the others do not count");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let directory = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("written");
    let opened = Spool::open(&file.join("spool"), SpoolSettings::default(), Clock::System);
    assert!(matches!(opened, Err(SpoolError::Io(_))));
}

#[tokio::test]
async fn no_reader_leaves_the_directory() {
    let directory = directory();
    let spool = open(directory.path(), SpoolSettings::default());
    for name in ["", "../x", "a/b", "A"] {
        assert!(matches!(spool.reader(name), Err(SpoolError::Name)), "{name}");
    }
}
