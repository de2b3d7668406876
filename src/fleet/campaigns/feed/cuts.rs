//! Batches that are cut once: viewers of equal scope who want equal batching get the same ones.
//!
//! Which events a viewer may see follows from the scope, so two viewers whose next event is the same one see the same
//! from there on. Whoever cuts a batch first keeps it for the others; a viewer who comes later, or falls behind, cuts
//! alone, and is with the others again once they have all seen the newest event.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fleet::campaigns::SharedBatch;

/// Batches that are kept for those who are a little behind.
const KEPT: usize = 16;

/// Bytes of their events.
const KEPT_BYTES: usize = 1 << 20;

/// The newest batches of viewers of one scope and batching.
#[derive(Default)]
pub(in crate::fleet::campaigns) struct Cuts(Mutex<VecDeque<Cut>>);

/// A batch, and where it lies.
#[derive(Clone)]
pub(in crate::fleet::campaigns) struct Cut {
    /// Position of its first event.
    pub(in crate::fleet::campaigns) first: i64,
    /// What is in scope up to this position is in it.
    pub(in crate::fleet::campaigns) to: i64,
    /// Bytes of its events.
    pub(in crate::fleet::campaigns) bytes: usize,
    /// The batch.
    pub(in crate::fleet::campaigns) batch: Arc<SharedBatch>,
}

impl Cuts {
    /// The batch that begins with the event at a position, if somebody cut it.
    pub(in crate::fleet::campaigns) fn at(&self, first: i64) -> Option<Cut> {
        self.lock().iter().rev().find(|cut| cut.first == first).cloned()
    }

    /// Keeps a batch for the others, and answers the one that all take: of two with the same first event, the older.
    pub(in crate::fleet::campaigns) fn keep(&self, cut: Cut) -> Cut {
        let mut cuts = self.lock();
        if let Some(known) = cuts.iter().find(|known| known.first == cut.first) {
            return known.clone();
        }
        cuts.push_back(cut.clone());
        let mut bytes: usize = cuts.iter().map(|cut| cut.bytes).sum();
        while cuts.len() > KEPT || (bytes > KEPT_BYTES && cuts.len() > 1) {
            bytes -= cuts.pop_front().map_or(0, |oldest| oldest.bytes);
        }
        cut
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Cut>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use entity::kind::CampaignStatus;

    use super::*;
    use crate::fleet::campaigns::{EventBatch, Totals};

    fn cut(first: i64, to: i64, bytes: usize) -> Cut {
        let batch = EventBatch {
            events: Vec::new(),
            end_cursor: to.to_string(),
            totals: Totals::default(),
            status: CampaignStatus::Running,
            is_final: false,
        };
        Cut { first, to, bytes, batch: Arc::new(SharedBatch::among_many(batch)) }
    }

    #[test]
    fn of_two_batches_with_the_same_first_event_the_older_stays() {
        let cuts = Cuts::default();
        assert_eq!(cuts.keep(cut(3, 5, 1)).to, 5);
        assert_eq!(cuts.keep(cut(3, 9, 1)).to, 5);
        assert_eq!(cuts.at(3).map(|cut| cut.to), Some(5));
        assert!(cuts.at(4).is_none());
    }

    #[test]
    fn few_are_kept_and_the_newest_always() {
        let cuts = Cuts::default();
        for first in 0..100 {
            cuts.keep(cut(first, first, 1));
        }
        assert!(cuts.at(99).is_some() && cuts.at(0).is_none());
        assert_eq!(cuts.lock().len(), KEPT);
        cuts.keep(cut(100, 100, KEPT_BYTES + 1));
        assert!(cuts.at(100).is_some());
        assert_eq!(cuts.lock().len(), 1);
    }
}
