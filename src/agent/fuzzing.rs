//! What `fuzz/` feeds: the decoders of this face, with the laws that hold of what they make of any bytes.

use super::budget::Budget;
use super::document::{Document, Member};
use super::inflate::Inflater;
use super::skim::Skim;
use super::{answers, enroll, log};
use crate::agent::HostIdentifier;
use crate::fleet::campaigns::Outcome;

/// Bytes that bodies may hold here.
const LIMIT: usize = 1 << 20;

/// The body of a configuration or distributed read.
pub fn keyed(body: &[u8]) {
    if let Some(document) = read(body) {
        document.string(Member::NodeKey);
    }
}

/// The body of an enrollment: whoever is let in is called something.
pub fn enroll(body: &[u8]) {
    let Some(document) = read(body) else { return };
    for known_by in
        [HostIdentifier::Provided, HostIdentifier::Uuid, HostIdentifier::Hostname, HostIdentifier::Instance]
    {
        if let Some(request) = enroll::enrollment(&document, known_by) {
            assert!(!request.host_identifier.is_empty(), "a host is called something");
            assert!(!request.host_identifier.contains(char::is_control), "a name is one line of text");
        }
    }
}

/// The body of a distributed write: chunks are arrays of objects, and say how many.
pub fn write(body: &[u8]) {
    let Some(document) = read(body) else { return };
    let brought = answers::decode(&document);
    let campaigns = brought.campaigns.into_iter().map(|answer| {
        assert!(answer.campaign.0 > 0, "campaigns are counted from 1");
        answer.outcome
    });
    for outcome in campaigns.chain(brought.due.into_iter().map(|answer| answer.outcome)) {
        let Outcome::Rows { chunks, .. } = outcome else { continue };
        for chunk in chunks {
            let rows: Vec<serde_json::Map<_, _>> =
                serde_json::from_slice(&chunk.json).expect("a chunk is JSON");
            assert_eq!(i64::try_from(rows.len()).ok(), Some(chunk.rows), "a chunk knows its rows");
        }
    }
}

/// The body of log lines: each line can be read again.
pub fn log(body: &[u8]) {
    let Some(document) = read(body) else { return };
    log::kind(&document);
    for line in log::lines(&document).texts() {
        let envelope = format!("{{\"line\":{}}}", String::from_utf8_lossy(line));
        let read: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&envelope);
        assert!(read.is_ok(), "a line is JSON");
    }
}

/// A compressed body, in pieces: what is inflated never outgrows its limit.
pub fn gzip(body: &[u8]) {
    let mut inflater = Inflater::new(LIMIT);
    for piece in body.chunks(100) {
        let fed = inflater.push(piece);
        assert!(inflater.inflated().len() <= LIMIT, "the limit holds");
        if fed.is_err() {
            return;
        }
    }
    if let Ok(inflated) = inflater.finish() {
        log(&inflated);
    }
}

/// A body that is too large to be read, in pieces.
pub fn skim(body: &[u8]) {
    let mut skim = Skim::default();
    for piece in body.chunks(100) {
        skim.feed(piece);
    }
    skim.node_key();
    assert!(skim.into_campaigns().iter().all(|campaign| campaign.0 > 0), "campaigns are counted from 1");
}

fn read(body: &[u8]) -> Option<Document> {
    Document::read(body.to_vec(), Budget::new(LIMIT).share()).ok()
}
