//! How long is waited before something is tried again: twice as long each time, with jitter.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::definition::Batching;

/// Longest wait that a destination may ask for.
const LONGEST: Duration = Duration::from_hours(1);

/// How often something failed in a row.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure; at least as long as was asked for.
    pub(super) fn next(&mut self, batching: &Batching, asked: Option<Duration>) -> Duration {
        let doubled = batching.retry_min.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled.min(batching.retry_max);
        // Between half and the whole of it, so that servers that failed together do not come back together.
        let jittered = wait / 2 + wait.mul_f64(fraction() / 2.0);
        jittered.max(asked.unwrap_or_default().min(LONGEST))
    }

    /// How long to wait where only a person can mend it.
    pub(super) fn longest(batching: &Batching) -> Duration {
        batching.retry_max
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A number from 0 to 1.
fn fraction() -> f64 {
    let mut bytes = [0];
    // Without it there is no jitter, which is no fault.
    let _no_jitter = SystemRandom::new().fill(&mut bytes);
    f64::from(bytes[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::definition::testing::definition;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let batching = definition("retry_min = '1s'\nretry_max = '8s'").batching;
        let mut backoff = Backoff::default();
        for seconds in [1, 2, 4, 8, 8] {
            let wait = backoff.next(&batching, None);
            let most = Duration::from_secs(seconds);
            assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
        }
        assert!(backoff.next(&batching, Some(Duration::from_mins(1))) == Duration::from_mins(1));
        assert_eq!(backoff.next(&batching, Some(Duration::MAX)), LONGEST);
        backoff.reset();
        assert!(backoff.next(&batching, None) <= Duration::from_secs(1));
    }
}
