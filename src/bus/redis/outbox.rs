//! What waits for the publishing connection: bounded by number and by bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::bus::{Channel, Entry};

/// Things that may wait at most.
const THINGS: usize = 4_096;

/// Bytes of them at most.
const BYTES: usize = 16 << 20;

/// Things in one write at most.
const BATCH: usize = 512;

/// Something for Redis.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A message to a channel.
    Message(Channel, Bytes),
    /// Entries of a log, to be kept.
    Entries(Arc<str>, Vec<Entry>),
}

/// Where things are put in.
pub(super) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    waiting: Arc<AtomicUsize>,
}

/// Where they come out, in the order in which they were put in.
pub(super) struct Outlet {
    queue: mpsc::Receiver<Outgoing>,
    waiting: Arc<AtomicUsize>,
}

/// Both ends of an empty outbox.
pub(super) fn outbox() -> (Outbox, Outlet) {
    let (sender, receiver) = mpsc::channel(THINGS);
    let waiting = Arc::<AtomicUsize>::default();
    (Outbox { queue: sender, waiting: Arc::clone(&waiting) }, Outlet { queue: receiver, waiting })
}

impl Outbox {
    /// Puts something in; false when there is no room.
    pub(super) fn offer(&self, outgoing: Outgoing) -> bool {
        let size = outgoing.size();
        let before = self.waiting.fetch_add(size, Ordering::Relaxed);
        let fits = before + size <= BYTES && self.queue.try_send(outgoing).is_ok();
        if !fits {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
        }
        fits
    }
}

impl Outlet {
    /// Fills an empty batch with what waits, one thing at least; false when the other end is gone.
    pub(super) async fn take(&mut self, batch: &mut Vec<Outgoing>) -> bool {
        let taken = self.queue.recv_many(batch, BATCH).await;
        let size = batch.iter().map(Outgoing::size).sum();
        self.waiting.fetch_sub(size, Ordering::Relaxed);
        taken > 0
    }
}

impl Outgoing {
    fn size(&self) -> usize {
        match self {
            Self::Message(_, message) => message.len(),
            Self::Entries(_, entries) => entries.iter().map(|entry| entry.bytes.len()).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Outgoing {
        Outgoing::Message("a".into(), Bytes::from(vec![0; size]))
    }

    #[tokio::test]
    async fn it_is_bounded_and_has_room_again() {
        let (outbox, mut outlet) = outbox();
        assert!(outbox.offer(message(BYTES)), "one may be as large as all");
        assert!(!outbox.offer(message(1)), "there is no room");
        let mut batch = Vec::new();
        assert!(outlet.take(&mut batch).await);
        batch.clear();
        for _ in 0..THINGS {
            assert!(outbox.offer(message(1)));
        }
        assert!(!outbox.offer(message(1)), "small ones are counted too");
        assert_eq!(outbox.waiting.load(Ordering::Relaxed), THINGS, "what did not fit is not counted");
        drop(outbox);
        while outlet.take(&mut batch).await {
            batch.clear();
        }
        assert_eq!(outlet.waiting.load(Ordering::Relaxed), 0);
    }
}
