//! The bus inside one server.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::mpsc;

use super::receivers::Receivers;
use super::{Bus, Channel, Notice};

/// A bus for a server that is alone.
#[derive(Default)]
pub struct LocalBus {
    receivers: Receivers,
}

impl Bus for LocalBus {
    fn publish(&self, channel: Channel, message: Bytes) {
        self.receivers.deliver(&channel, &message);
    }

    fn subscribe(&self, channel: Channel) -> BoxFuture<'_, mpsc::Receiver<Notice>> {
        ready(self.receivers.add(channel)).boxed()
    }

    fn healthy(&self) -> bool {
        true
    }
}
