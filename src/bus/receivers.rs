//! Who listens on this server: bounded queues by channel, and the gap that stands for what did not fit.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Channel, Notice};

/// Notices that a receiver may leave unread; the last place is kept for a gap.
pub(super) const QUEUE: usize = 256;

/// The receivers of this server. Nothing here waits for any of them.
#[derive(Default)]
pub(super) struct Receivers(Mutex<Table>);

#[derive(Default)]
struct Table {
    channels: HashMap<Channel, Vec<Receiver>>,
    /// How many receivers there may be before those that were dropped are looked for.
    sweep_at: usize,
    count: usize,
}

/// One subscriber's end.
struct Receiver {
    queue: mpsc::Sender<Notice>,
    /// A gap is the newest notice in the queue, or was when somebody last looked.
    behind: bool,
}

impl Receivers {
    /// Adds a receiver; it gets what is delivered from now on.
    pub(super) fn add(&self, channel: Channel) -> mpsc::Receiver<Notice> {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let mut table = self.lock();
        if table.count >= table.sweep_at {
            table.sweep();
        }
        table.count += 1;
        table.channels.entry(channel).or_default().push(Receiver { queue, behind: false });
        receiver
    }

    /// Delivers a message to everyone on the channel.
    pub(super) fn deliver(&self, channel: &str, message: &Bytes) {
        let mut table = self.lock();
        let Some(receivers) = table.channels.get_mut(channel) else { return };
        let before = receivers.len();
        receivers.retain_mut(|receiver| receiver.offer(Notice::Message(message.clone())));
        let dropped = before - receivers.len();
        if receivers.is_empty() {
            table.channels.remove(channel);
        }
        table.count -= dropped;
    }

    /// Tells everyone on every channel that messages may have been lost.
    pub(super) fn gap(&self) {
        for receiver in self.lock().channels.values_mut().flatten() {
            receiver.offer(Notice::Gap);
        }
    }

    /// The channels that somebody listens to, once those who left are forgotten.
    pub(super) fn listened(&self) -> Vec<Channel> {
        let mut table = self.lock();
        table.sweep();
        table.channels.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Forgets receivers that were dropped, and lets their number double before it looks again: the cost of a look
    /// is shared by the subscriptions in between.
    fn sweep(&mut self) {
        self.channels.retain(|_, receivers| {
            receivers.retain(|receiver| !receiver.queue.is_closed());
            !receivers.is_empty()
        });
        self.count = self.channels.values().map(Vec::len).sum();
        self.sweep_at = (self.count * 2).max(64);
    }
}

impl Receiver {
    /// Puts a notice in the queue, or a gap for it and all that follow until there is room again; false when the
    /// receiver was dropped.
    fn offer(&mut self, notice: Notice) -> bool {
        // Only this side adds, under the lock: room that is seen stays.
        let room = self.queue.capacity() > 1;
        if !room && self.behind {
            return !self.queue.is_closed();
        }
        self.behind = !room;
        let notice = if room { notice } else { Notice::Gap };
        !matches!(self.queue.try_send(notice), Err(mpsc::error::TrySendError::Closed(_)))
    }
}
