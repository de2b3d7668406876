//! PORT: publish and subscribe between servers. Never the truth: it only says "look now".

mod local;
mod receivers;
mod redis;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
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

/// Publish and subscribe. Publishing never fails and never waits long: what is lost is found in the store.
pub trait Bus: Send + Sync {
    /// Sends a message to everyone who subscribes to the channel now, this server included.
    fn publish(&self, channel: Channel, message: Bytes);

    /// Subscribes; resolves when messages published from now on will arrive. Ends when the receiver is dropped.
    /// The queue is bounded: a receiver that falls behind gets [`Notice::Gap`] in place of what it missed, and so
    /// does every receiver after the bus was away.
    fn subscribe(&self, channel: Channel) -> BoxFuture<'_, mpsc::Receiver<Notice>>;

    /// Whether it is connected, for readiness.
    fn healthy(&self) -> bool;
}
