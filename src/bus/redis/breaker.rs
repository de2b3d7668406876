//! The circuit breaker: whether Redis works, by the last word of each of the two connections.
//!
//! It is open while either does not work. It is told of by one line of the log each way, however often a connection
//! tries in vain.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use redis::RedisError;
use tokio::sync::watch;

/// One of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What sends messages and entries, and reads entries.
    Publishing = 1,
    /// What receives messages.
    Subscribing = 2,
}

/// Whether Redis works.
pub(super) struct Breaker {
    /// The sides that do not work.
    broken: AtomicU8,
    /// Whether it is closed; moves with `broken`, under the lock.
    state: watch::Sender<bool>,
    /// What was said last: none before the first word.
    said: Mutex<Option<bool>>,
}

impl Default for Breaker {
    /// Open: neither side has worked yet.
    fn default() -> Self {
        let broken = AtomicU8::new(Side::Publishing as u8 | Side::Subscribing as u8);
        Self { broken, state: watch::Sender::new(false), said: Mutex::default() }
    }
}

impl Breaker {
    /// Whether both sides work.
    pub(super) fn is_closed(&self) -> bool {
        self.broken.load(Ordering::SeqCst) == 0
    }

    /// Whether a side works.
    pub(super) fn works(&self, side: Side) -> bool {
        self.broken.load(Ordering::SeqCst) & side as u8 == 0
    }

    /// Waits until both sides work.
    pub(super) async fn closed(&self) {
        // The sender is here: it can't be gone.
        let _ = self.state.subscribe().wait_for(|closed| *closed).await;
    }

    /// A side has done something.
    pub(super) fn worked(&self, side: Side) {
        if self.works(side) {
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        self.broken.fetch_and(!(side as u8), Ordering::SeqCst);
        if self.is_closed() && *said != Some(true) {
            *said = Some(true);
            self.state.send_replace(true);
            tracing::info!("the bus is connected");
        }
    }

    /// A side could not do something.
    pub(super) fn failed(&self, side: Side, error: &RedisError) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        self.broken.fetch_or(side as u8, Ordering::SeqCst);
        if *said != Some(false) {
            *said = Some(false);
            self.state.send_replace(false);
            metrics::counter!("muster_bus_breaker_openings_total").increment(1);
            tracing::warn!(%error, "the bus is away: servers read the store for what it would have told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> RedisError {
        std::io::Error::from(std::io::ErrorKind::TimedOut).into()
    }

    #[tokio::test]
    async fn it_is_closed_while_both_sides_work() {
        let breaker = Breaker::default();
        assert!(!breaker.is_closed());
        breaker.worked(Side::Publishing);
        assert!(breaker.works(Side::Publishing) && !breaker.is_closed());
        breaker.worked(Side::Subscribing);
        assert!(breaker.is_closed());
        breaker.closed().await;
        breaker.failed(Side::Subscribing, &error());
        assert!(breaker.works(Side::Publishing) && !breaker.works(Side::Subscribing));
        breaker.failed(Side::Publishing, &error());
        breaker.worked(Side::Subscribing);
        assert!(!breaker.is_closed(), "one side is not enough");
        breaker.worked(Side::Publishing);
        breaker.closed().await;
    }
}
