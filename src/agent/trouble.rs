//! That agents can't be answered is told by one line of the log each way, however many of them ask meanwhile.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long nobody must have been refused before it is over: much is answered from memory all the while.
const QUIET: Duration = Duration::from_secs(10);

/// Whether agents were refused lately because something of ours did not work.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Whether there are refusals; spares whoever is answered the lock.
    is_on: AtomicBool,
    refusals: Mutex<Option<Refusals>>,
}

/// Refusals since the trouble began.
#[derive(Clone, Copy, Debug)]
struct Refusals {
    count: u64,
    last: Instant,
}

impl Trouble {
    /// An agent was refused.
    pub(super) fn refused(&self, cause: &(dyn Error + 'static)) {
        let mut refusals = self.refusals();
        let before = refusals.map_or(0, |refusals| refusals.count);
        *refusals = Some(Refusals { count: before + 1, last: Instant::now() });
        self.is_on.store(true, Ordering::Relaxed);
        if before == 0 {
            tracing::warn!(error = cause, "agents can't be answered; they are told to try again");
        } else {
            tracing::debug!(error = cause, "an agent could not be answered");
        }
    }

    /// An agent was answered.
    pub(super) fn answered(&self) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut refusals = self.refusals();
        if let Some(over) = refusals.take_if(|refusals| refusals.last.elapsed() >= QUIET) {
            self.is_on.store(false, Ordering::Relaxed);
            tracing::info!(refused = over.count, "agents are answered again");
        }
    }

    /// Two numbers, written at once: a panic of another thread leaves nothing half done.
    fn refusals(&self) -> MutexGuard<'_, Option<Refusals>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_once_nobody_was_refused_for_a_while() {
        let trouble = Trouble::default();
        let refuse = || trouble.refused(&std::fmt::Error);
        trouble.answered();
        refuse();
        refuse();
        trouble.answered();
        let count = |trouble: &Trouble| trouble.refusals().map(|refusals| refusals.count);
        assert_eq!(count(&trouble), Some(2), "an answer from memory is no end of it");
        let earlier = Instant::now().checked_sub(QUIET).expect("the system runs for longer");
        trouble.refusals().as_mut().expect("there are some").last = earlier;
        trouble.answered();
        assert_eq!(count(&trouble), None);
        assert!(!trouble.is_on.load(Ordering::Relaxed));
    }
}
