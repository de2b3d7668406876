//! The board: what does each host still owe?
//!
//! It only *offers*: it may be stale, and nothing is decided from it. Almost every check-in ends at one counter a
//! host; then come short lists for campaigns of up to 1,000 targets, then bitmaps for the few large ones.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;
use entity::id::{CampaignId, HostId};
use roaring::RoaringBitmap;

use crate::fleet::check_in::Offer;

/// Up to so many targets a campaign stands in the lists of its hosts.
const SMALL: u64 = 1_000;

/// What running campaigns still await, in memory.
#[derive(Default)]
pub(super) struct Board {
    /// How many campaigns await each host, by host id: read without a lock, written under that of `notes`.
    counts: ArcSwap<Vec<AtomicU32>>,
    /// A read lock is held for the few lines that build an offer; writers are commits and starts.
    notes: RwLock<Notes>,
    /// What each host was last offered and has not answered.
    offered: Mutex<HashMap<u32, Vec<CampaignId>>>,
}

#[derive(Default)]
struct Notes {
    campaigns: HashMap<CampaignId, Entry>,
    /// Campaigns of up to [`SMALL`] targets, by host, oldest first.
    small: HashMap<u32, Vec<CampaignId>>,
    /// The others, oldest first.
    large: BTreeSet<CampaignId>,
}

struct Entry {
    sql: Arc<str>,
    awaited: RoaringBitmap,
    /// Answers up to this position have come off.
    position: i64,
}

impl Board {
    /// Puts a running campaign on the board, with the hosts it awaits as of `position`; no effect if it is there.
    pub(super) fn add(&self, id: CampaignId, sql: Arc<str>, awaited: RoaringBitmap, position: i64) {
        let mut notes = self.write();
        if notes.campaigns.contains_key(&id) {
            return;
        }
        self.grow(awaited.max());
        let counts = self.counts.load();
        for host in &awaited {
            counts[host as usize].fetch_add(1, Ordering::Relaxed);
        }
        if awaited.len() > SMALL {
            notes.large.insert(id);
        } else {
            for host in &awaited {
                let list = notes.small.entry(host).or_default();
                let place = list.partition_point(|other| *other < id);
                list.insert(place, id);
            }
        }
        notes.campaigns.insert(id, Entry { sql, awaited, position });
    }

    /// Takes hosts off a campaign: they answered, or proved that they are not awaited. With a span of positions
    /// that joins what is known, the campaign is now known up to its end.
    pub(super) fn answered(&self, id: CampaignId, hosts: &RoaringBitmap, span: Option<(i64, i64)>) {
        let mut guard = self.write();
        let notes = &mut *guard;
        let Some(entry) = notes.campaigns.get_mut(&id) else { return };
        if let Some((from, to)) = span
            && from <= entry.position + 1
        {
            entry.position = entry.position.max(to);
        }
        let gone = &entry.awaited & hosts;
        entry.awaited -= &gone;
        self.release(&mut notes.small, id, &gone);
    }

    /// Takes an ended campaign off the board.
    pub(super) fn remove(&self, id: CampaignId) {
        let mut guard = self.write();
        let notes = &mut *guard;
        if let Some(entry) = notes.campaigns.remove(&id) {
            notes.large.remove(&id);
            self.release(&mut notes.small, id, &entry.awaited);
        }
    }

    /// What the host is asked now, oldest campaign first, at most `limit`.
    pub(super) fn offers(&self, host: HostId, limit: usize) -> Vec<Offer> {
        let bit = host.bit();
        if self.counts.load().get(bit as usize).is_none_or(|count| count.load(Ordering::Relaxed) == 0) {
            return Vec::new();
        }
        let notes = self.read();
        let small = notes.small.get(&bit).map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<CampaignId> = small.iter().copied().take(limit).collect();
        let awaits = |id: &&CampaignId| notes.campaigns.get(id).is_some_and(|e| e.awaited.contains(bit));
        ids.extend(notes.large.iter().filter(awaits).take(limit));
        ids.sort_unstable();
        ids.truncate(limit);
        let offer = |id: &CampaignId| {
            notes.campaigns.get(id).map(|entry| Offer { campaign: *id, sql: Arc::clone(&entry.sql) })
        };
        let offers = ids.iter().filter_map(offer).collect();
        drop(notes);
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).insert(bit, ids);
        offers
    }

    /// The campaigns that were last offered to a host and are still awaited from it.
    pub(super) fn last_offered(&self, host: HostId) -> Vec<CampaignId> {
        let offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        offered.get(&host.bit()).cloned().unwrap_or_default()
    }

    /// Up to which position each campaign on the board is known.
    pub(super) fn positions(&self) -> HashMap<CampaignId, i64> {
        self.read().campaigns.iter().map(|(id, entry)| (*id, entry.position)).collect()
    }

    /// How many campaigns are on the board, and how many hosts they await, added up.
    pub(super) fn size(&self) -> (u64, u64) {
        let notes = self.read();
        let outstanding = notes.campaigns.values().map(|entry| entry.awaited.len()).sum();
        (notes.campaigns.len() as u64, outstanding)
    }

    /// Empties the board.
    pub(super) fn clear(&self) {
        let ids: Vec<_> = self.read().campaigns.keys().copied().collect();
        for id in ids {
            self.remove(id);
        }
    }

    /// Undoes what `add` noted for hosts that a campaign awaits no more.
    fn release(&self, small: &mut HashMap<u32, Vec<CampaignId>>, id: CampaignId, hosts: &RoaringBitmap) {
        let counts = self.counts.load();
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        for host in hosts {
            counts[host as usize].fetch_sub(1, Ordering::Relaxed);
            forget(small, host, id);
            forget(&mut offered, host, id);
        }
    }

    /// Makes room for a counter of every host up to `max`. The lock of `notes` is held.
    fn grow(&self, max: Option<u32>) {
        let wanted = max.map_or(0, |max| max as usize + 1);
        let old = self.counts.load();
        if wanted <= old.len() {
            return;
        }
        let copied = old.iter().map(|count| AtomicU32::new(count.load(Ordering::Relaxed)));
        let room = wanted.next_power_of_two().max(1_024) - old.len();
        let grown: Vec<_> = copied.chain(std::iter::repeat_with(AtomicU32::default).take(room)).collect();
        self.counts.store(Arc::new(grown));
    }

    fn read(&self) -> RwLockReadGuard<'_, Notes> {
        self.notes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Notes> {
        self.notes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(lists: &mut HashMap<u32, Vec<CampaignId>>, host: u32, id: CampaignId) {
    if let Some(list) = lists.get_mut(&host) {
        list.retain(|other| *other != id);
        if list.is_empty() {
            lists.remove(&host);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sql() -> Arc<str> {
        "select 1".into()
    }

    fn offered(board: &Board, host: i64) -> Vec<i64> {
        board.offers(HostId(host), 20).into_iter().map(|offer| offer.campaign.0).collect()
    }

    #[test]
    fn a_host_is_offered_what_it_owes_oldest_first() {
        let board = Board::default();
        board.add(CampaignId(2), sql(), (1..=5).collect(), 0);
        board.add(CampaignId(1), sql(), (1..=2_000).collect(), 0);
        assert_eq!(offered(&board, 3), [1, 2]);
        assert_eq!(offered(&board, 9), [1]);
        board.answered(CampaignId(1), &[3].into(), Some((1, 1)));
        assert_eq!(offered(&board, 3), [2]);
        assert_eq!(board.last_offered(HostId(3)), [CampaignId(2)]);
        board.remove(CampaignId(2));
        assert_eq!(offered(&board, 3), Vec::<i64>::new());
        assert_eq!(board.last_offered(HostId(3)), []);
    }

    #[test]
    fn an_offer_is_bounded() {
        let board = Board::default();
        for id in 1..=50 {
            board.add(CampaignId(id), sql(), [7].into(), 0);
        }
        assert_eq!(offered(&board, 7), (1..=20).collect::<Vec<_>>());
    }

    #[test]
    fn a_span_with_a_hole_before_it_does_not_move_the_position() {
        let board = Board::default();
        board.add(CampaignId(1), sql(), (1..=9).collect(), 0);
        board.answered(CampaignId(1), &[2].into(), Some((2, 2)));
        assert_eq!(board.positions()[&CampaignId(1)], 0);
        board.answered(CampaignId(1), &[1].into(), Some((1, 2)));
        assert_eq!(board.positions()[&CampaignId(1)], 2);
    }

    proptest! {
        /// Whatever happens in whatever order, a host is offered exactly the running campaigns that await it.
        #[test]
        fn offers_agree_with_a_plain_model(steps in prop::collection::vec((0_u8..3, 1_i64..8, 0_u32..40), 0..80)) {
            let board = Board::default();
            let mut model = HashMap::<i64, BTreeSet<u32>>::new();
            for (what, id, host) in steps {
                match what {
                    0 => {
                        let size = if id % 2 == 0 { 40 } else { 1_500 };
                        board.add(CampaignId(id), sql(), (host..host + size).collect(), 0);
                        model.entry(id).or_insert_with(|| (host..host + size).collect());
                    }
                    1 => {
                        board.answered(CampaignId(id), &[host].into(), None);
                        model.entry(id).and_modify(|hosts| { hosts.remove(&host); });
                    }
                    _ => {
                        board.remove(CampaignId(id));
                        model.remove(&id);
                    }
                }
            }
            for host in 0..100_u32 {
                let mut owed: Vec<_> =
                    model.iter().filter(|(_, hosts)| hosts.contains(&host)).map(|(id, _)| *id).collect();
                owed.sort_unstable();
                prop_assert_eq!(offered(&board, i64::from(host)), owed);
            }
        }
    }
}
