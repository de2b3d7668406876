//! What of an operation is on its way to its client: a large result is made only when the one before it was taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Bytes that may be under way while another result is made: small ones follow one another without a pause.
const LIGHT: usize = 64 << 10;

/// The bytes of one operation that wait to be written. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Load(Arc<Carried>);

#[derive(Debug, Default)]
struct Carried {
    bytes: AtomicUsize,
    taken: Notify,
}

/// The bytes of one message, until it was written or dropped.
#[derive(Debug)]
pub struct Share {
    load: Load,
    bytes: usize,
}

impl Load {
    /// Adds a message.
    #[must_use]
    pub fn add(&self, bytes: usize) -> Share {
        self.0.bytes.fetch_add(bytes, Ordering::SeqCst);
        waiting().increment(shown(bytes));
        Share { load: self.clone(), bytes }
    }

    /// Returns when little is under way; for the one task that makes the results.
    pub async fn is_light(&self) {
        while self.0.bytes.load(Ordering::SeqCst) > LIGHT {
            self.0.taken.notified().await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.0.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        waiting().decrement(shown(self.bytes));
        self.load.0.taken.notify_one();
    }
}

/// What waits on all sockets, for operators.
fn waiting() -> metrics::Gauge {
    metrics::gauge!("muster_socket_waiting_bytes")
}

fn shown(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_large_message_waits_to_be_taken_and_small_ones_do_not() {
        let load = Load::default();
        let small: Vec<_> = (0..8).map(|_| load.add(1_000)).collect();
        assert!(load.is_light().now_or_never().is_some());
        let large = load.add(512 << 10);
        assert!(load.is_light().now_or_never().is_none());
        drop(small);
        assert!(load.is_light().now_or_never().is_none());
        drop(large);
        assert!(load.is_light().now_or_never().is_some());
    }
}
