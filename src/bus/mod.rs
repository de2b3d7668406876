//! PORT: publish and subscribe between servers. Never the truth: it only says "look now".

mod local;
mod receivers;
mod redis;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::mpsc;

pub use local::LocalBus;
pub use redis::{BusError, RedisBus, RedisSettings};

/// Where messages go: a short name such as `changes` or `campaign:12`.
pub type Channel = Arc<str>;

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A message, as published.
    Message(Bytes),
    /// Messages may have been lost; read the store.
    Gap,
}

/// One of a log's entries, which have the positions 1, 2, 3 …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub position: i64,
    /// What it says.
    pub bytes: Bytes,
}

/// Publish and subscribe. Publishing never fails and never waits: what is lost is found in the store.
///
/// A bus may also keep the newest entries of logs for a while, so that other servers need not ask the store.
pub trait Bus: Send + Sync {
    /// Sends a message to everyone who subscribes to the channel now: on this server at once, whatever has become of
    /// the others.
    fn publish(&self, channel: Channel, message: Bytes);

    /// Subscribes; resolves when messages published from now on will arrive. Ends when the receiver is dropped.
    /// The queue is bounded: a receiver that falls behind gets [`Notice::Gap`] in place of what it missed, and so
    /// does every receiver after the bus was away.
    fn subscribe(&self, channel: Channel) -> BoxFuture<'_, mpsc::Receiver<Notice>>;

    /// Whether it is connected, for readiness.
    fn healthy(&self) -> bool;

    /// Whether entries can be kept now. A server that is alone keeps none: they are in its memory.
    fn keeps(&self) -> bool {
        false
    }

    /// Keeps entries of a log, before any message that is published later arrives. Some may get lost.
    fn keep(&self, _log: Arc<str>, _entries: Vec<Entry>) {}

    /// The entries that are kept after a position and up to another, without a hole, `limit` at most. They end before
    /// a position that is missing, or of which there are two: whoever wants more reads the store.
    fn kept<'a>(
        &'a self,
        _log: &'a str,
        _after: i64,
        _up_to: i64,
        _limit: usize,
    ) -> BoxFuture<'a, Vec<Entry>> {
        ready(Vec::new()).boxed()
    }
}
