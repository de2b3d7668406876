//! What is noted of a body too large to be read: which live queries it answers, and its node key.

use std::collections::BTreeSet;

use entity::id::CampaignId;
use memchr::memmem;

use super::{json, wire};
use crate::fleet::due::DueKind;

/// Bytes kept of the end of the body: osquery has the node key there; and of its beginning, where compressed logs and
/// other agents have it.
const KEPT: usize = 4 << 10;
/// Campaigns noted at most.
const MAX_CAMPAIGNS: usize = 1024;
/// Bytes of a quoted query name at most.
const MAX_NAME: usize = 32;

/// Reads along while a body is thrown away.
#[derive(Debug, Default)]
pub(super) struct Skim {
    campaigns: BTreeSet<CampaignId>,
    saw_due: bool,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Skim {
    /// Reads the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        // A name may be cut by the end of the piece before: its start is among the last bytes kept.
        let seam_start = self.tail.len().saturating_sub(MAX_NAME);
        let seam = [&self.tail[seam_start..], &piece[..piece.len().min(MAX_NAME)]].concat();
        self.note_names(&seam);
        self.note_names(piece);
        let room = KEPT.saturating_sub(self.head.len());
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
        self.keep_tail(piece);
    }

    /// The node key, when it was seen.
    pub(super) fn node_key(&self) -> Option<String> {
        last_node_key(&self.tail).or_else(|| last_node_key(&self.head))
    }

    /// The campaigns whose names were seen.
    pub(super) fn into_campaigns(self) -> BTreeSet<CampaignId> {
        self.campaigns
    }

    /// Whether names of something that is due were seen: it comes again by itself.
    pub(super) fn saw_due(&self) -> bool {
        self.saw_due
    }

    fn note_names(&mut self, bytes: &[u8]) {
        for kind in DueKind::ALL {
            let begin = format!("\"{}_", kind.as_str());
            self.saw_due = self.saw_due || memmem::find(bytes, begin.as_bytes()).is_some();
        }
        for at in memmem::find_iter(bytes, wire::QUERY_PREFIX) {
            if self.campaigns.len() >= MAX_CAMPAIGNS {
                return;
            }
            if let Some(campaign) = quoted_name(bytes, at).and_then(wire::campaign_of) {
                self.campaigns.insert(campaign);
            }
        }
    }

    fn keep_tail(&mut self, piece: &[u8]) {
        let kept = &piece[piece.len().saturating_sub(KEPT)..];
        let surplus = (self.tail.len() + kept.len()).saturating_sub(KEPT);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend_from_slice(kept);
    }
}

/// The name that begins at `at`, when it stands between quotes.
fn quoted_name(bytes: &[u8], at: usize) -> Option<&str> {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let rest = &bytes[at..];
    let length = rest.iter().take(MAX_NAME).position(|byte| *byte == b'"')?;
    if before != Some(&b'"') {
        return None;
    }
    std::str::from_utf8(&rest[..length]).ok()
}

/// The string after the last `"node_key":` in a piece of JSON text.
fn last_node_key(bytes: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\"node_key\"";
    let at = memmem::rfind(bytes, NAME)?;
    let rest = String::from_utf8_lossy(&bytes[at + NAME.len()..]);
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = value.get(1..)?.find('"')? + 2;
    json::string(&value[..end]).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = br#"{"queries":{"campaign_000000000007":[{"a":"campaign_000000000009"}],"campaign_000000000123":[]},"statuses":{"campaign_000000000007":0},"node_key" : "the-key"}"#;

    fn skim(body: &[u8], piece: usize) -> Skim {
        let mut skim = Skim::default();
        for piece in body.chunks(piece) {
            skim.feed(piece);
        }
        skim
    }

    proptest! {
        #[test]
        fn names_and_key_are_found_however_the_body_is_cut(piece in 1..200_usize, padding in 0..10_000_usize) {
            let body = [&BODY[..50], &vec![b' '; padding], &BODY[50..]].concat();
            let skim = skim(&body, piece);
            let key = skim.node_key();
            prop_assert_eq!(key.as_deref(), Some("the-key"));
            let found: Vec<i64> = skim.into_campaigns().into_iter().map(|campaign| campaign.0).collect();
            prop_assert!(found.contains(&123));
            prop_assert!(found.contains(&7));
        }

        #[test]
        fn nothing_panics(body: Vec<u8>, piece in 1..50_usize) {
            let skim = skim(&body, piece);
            skim.node_key();
        }
    }

    #[test]
    fn a_key_at_the_start_is_found_too() {
        let body = [br#"{"node_key":"first","data":["#.as_slice(), &[b'x'; 10_000]].concat();
        for piece in [1, 100, 20_000] {
            assert_eq!(skim(&body, piece).node_key().as_deref(), Some("first"));
        }
    }

    #[test]
    fn a_body_without_them_has_none() {
        let skim = skim(br#"{"queries":{"kubequery_1":[]},"node_key":5}"#, 10);
        assert_eq!(skim.node_key(), None);
        assert!(skim.into_campaigns().is_empty());
    }
}
