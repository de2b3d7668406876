//! The document of a request: its text, and where the members that we know stand in it.

use std::borrow::Cow;
use std::ops::Range;

use super::budget::Share;
use super::json::{self, Malformed};
use super::reply::Refusal;

/// A member of a request that some endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    NodeKey,
    Queries,
    Statuses,
    Messages,
    Stats,
    LogType,
    Data,
    EnrollSecret,
    HostIdentifier,
    PlatformType,
    HostDetails,
    Etag,
}

/// Arrays and objects in each other at most: skipping them takes a byte of memory each, which no budget counts.
const MAX_DEPTH: usize = 100_000;

/// Names on the wire, in the order of [`Member`].
const NAMES: [&str; 12] = [
    "node_key",
    "queries",
    "statuses",
    "messages",
    "stats",
    "log_type",
    "data",
    "enroll_secret",
    "host_identifier",
    "platform_type",
    "host_details",
    "etag",
];

/// A request's JSON object.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    places: [Option<Range<usize>>; NAMES.len()],
    /// Gives the memory back with the document.
    _share: Share,
}

impl Document {
    /// Reads a body: one JSON object, of which unknown members are skipped and the first of repeated ones counts.
    pub(super) fn read(body: Vec<u8>, mut share: Share) -> Result<Self, Refusal> {
        let text = json::lossy(body);
        share.grow_to(text.len())?;
        if json::is_deeper(&text, MAX_DEPTH) {
            return Err(Refusal::Malformed("it nests too deep"));
        }
        let places = places(&text).map_err(|_| Refusal::Malformed("it is no JSON object"))?;
        Ok(Self { text, places, _share: share })
    }

    /// Bytes of the text.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The JSON of a member.
    pub(super) fn get(&self, member: Member) -> Option<&str> {
        let place = self.places.get(member as usize)?.clone()?;
        self.text.get(place)
    }

    /// A member that is a string.
    pub(super) fn string(&self, member: Member) -> Option<Cow<'_, str>> {
        self.get(member).and_then(json::string)
    }
}

fn places(text: &str) -> Result<[Option<Range<usize>>; NAMES.len()], Malformed> {
    let mut places = [const { None }; NAMES.len()];
    json::members(text, |name, value| {
        let name = json::string(name);
        let place = NAMES.iter().position(|known| name.as_deref() == Some(*known));
        if let Some(place) = place.and_then(|place| places.get_mut(place)) {
            // A value is a slice of the text, so the distance of their beginnings is where it stands.
            let start = value.as_ptr().addr() - text.as_ptr().addr();
            place.get_or_insert(start..start + value.len());
        }
    })?;
    Ok(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::agent::budget::Budget;

    fn read(body: &[u8]) -> Result<Document, Refusal> {
        Document::read(body.to_vec(), Budget::new(1 << 30).share())
    }

    #[test]
    fn members_are_found_by_name() {
        let document =
            read(br#" {"x":{"node_key":"no"},"queries" : {"a":[]} ,"node_key":"k","node_key":"l"} "#)
                .expect("JSON");
        assert_eq!(document.string(Member::NodeKey).as_deref(), Some("k"));
        assert_eq!(document.get(Member::Queries), Some(r#"{"a":[]}"#));
        assert_eq!(document.get(Member::Data), None);
    }

    #[test]
    fn names_stand_in_the_order_of_the_members() {
        for (member, name) in [
            (Member::NodeKey, "node_key"),
            (Member::Data, "data"),
            (Member::HostDetails, "host_details"),
            (Member::Etag, "etag"),
        ] {
            assert_eq!(NAMES[member as usize], name);
        }
    }

    #[test]
    fn what_is_no_object_or_far_too_deep_is_refused() {
        let deep = format!("{{\"data\":{}1{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        for bad in [&b""[..], b"OK", b"[]", b"5", b"null", b"{", b"{}{}", b"{\"a\":}", deep.as_bytes()] {
            assert!(matches!(read(bad), Err(Refusal::Malformed(_))));
        }
    }

    #[test]
    fn bytes_that_are_no_text_spoil_nothing_else() {
        let document = read(b"{\"data\":[\"\xff\xfe\xe9\",\"\\ud800\"],\"node_key\":\"k\"}").expect("JSON");
        assert_eq!(document.string(Member::NodeKey).as_deref(), Some("k"));
        assert!(document.get(Member::Data).is_some_and(|data| data.contains('\u{fffd}')));
    }

    proptest! {
        #[test]
        fn nothing_panics(body: Vec<u8>) {
            let _ = read(&body);
        }
    }
}
