//! How often a sign-in may fail, in the memory of this server.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// How long a failure counts.
const WINDOW: Duration = Duration::from_mins(15);

/// Failures that count of one account from one source at most.
const PER_ACCOUNT_AND_SOURCE: usize = 10;

/// Failures that count from one source at most.
const PER_SOURCE: usize = 100;

/// Keys in memory at most; the ones that failed longest ago go first.
const MAX_KEYS: usize = 10_000;

/// Failed sign-ins of late.
pub struct LoginLimits(Mutex<Failures>);

/// Who tries to sign in, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Hash of the e-mail, so that long ones take no more memory.
    account: [u8; 32],
    source: IpAddr,
}

struct Failures {
    by_account: Recent<([u8; 32], IpAddr)>,
    by_source: Recent<IpAddr>,
}

/// Times within the window, oldest first, by key.
struct Recent<K> {
    times: HashMap<K, VecDeque<Timestamp>>,
    limit: usize,
}

impl Attempt {
    /// An attempt on this account. A network gets the addresses of an IPv6 /64 at will, so they are one source.
    pub(super) fn new(account: [u8; 32], source: IpAddr) -> Self {
        let source = match source.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        };
        Self { account, source }
    }
}

impl LoginLimits {
    /// Without a failure.
    #[must_use]
    pub fn new() -> Self {
        let by_account = Recent { times: HashMap::new(), limit: PER_ACCOUNT_AND_SOURCE };
        let by_source = Recent { times: HashMap::new(), limit: PER_SOURCE };
        Self(Mutex::new(Failures { by_account, by_source }))
    }

    /// Whether it may be tried now.
    ///
    /// # Errors
    /// The seconds after which it may be, at least one.
    pub(super) fn check(&self, attempt: &Attempt, now: Timestamp) -> Result<(), u64> {
        let mut failures = self.lock();
        failures.by_account.check(&(attempt.account, attempt.source), now)?;
        failures.by_source.check(&attempt.source, now)
    }

    /// Counts a failure.
    pub(super) fn failed(&self, attempt: &Attempt, now: Timestamp) {
        let mut failures = self.lock();
        failures.by_account.add((attempt.account, attempt.source), now);
        failures.by_source.add(attempt.source, now);
    }

    /// Forgets the failures of the account from this source; others that the source made still count.
    pub(super) fn succeeded(&self, attempt: &Attempt) {
        self.lock().by_account.times.remove(&(attempt.account, attempt.source));
    }

    /// No code panics under this lock, so a poisoned one holds nothing half done.
    fn lock(&self) -> MutexGuard<'_, Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Eq + Hash> Recent<K> {
    fn check(&mut self, key: &K, now: Timestamp) -> Result<(), u64> {
        let Some(times) = self.times.get_mut(key) else { return Ok(()) };
        times.retain(|time| time.plus(WINDOW) > now);
        match times.front() {
            Some(oldest) if times.len() >= self.limit => {
                let wait_ms = oldest.plus(WINDOW).0 - now.0;
                Err(wait_ms.unsigned_abs().div_ceil(1000))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, key: K, now: Timestamp) {
        if self.times.len() >= MAX_KEYS && !self.times.contains_key(&key) {
            let stalest = self.times.iter().min_by_key(|(_, times)| times.back().copied());
            if let Some(stalest) = stalest.map(|(key, _)| key.clone()) {
                self.times.remove(&stalest);
            }
        }
        let times = self.times.entry(key).or_default();
        times.push_back(now);
        if times.len() > self.limit {
            times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn attempt(account: u8, source: &str) -> Attempt {
        Attempt::new([account; 32], source.parse().expect("the test gives an address"))
    }

    #[test]
    fn the_eleventh_try_waits_for_the_first_to_be_15_minutes_old() {
        let limits = LoginLimits::new();
        let mallory = attempt(1, "192.0.2.1");
        for second in 0..10 {
            let now = NOW.plus(Duration::from_secs(second));
            assert_eq!(limits.check(&mallory, now), Ok(()));
            limits.failed(&mallory, now);
        }
        assert_eq!(limits.check(&mallory, NOW.plus(Duration::from_secs(10))), Err(890));
        assert_eq!(limits.check(&mallory, NOW.plus(WINDOW).minus(Duration::from_millis(1))), Err(1));
        assert_eq!(limits.check(&mallory, NOW.plus(WINDOW)), Ok(()));
    }

    #[test]
    fn others_are_not_held_up() {
        let limits = LoginLimits::new();
        for _ in 0..10 {
            limits.failed(&attempt(1, "192.0.2.1"), NOW);
        }
        assert!(
            limits.check(&attempt(1, "::ffff:192.0.2.1"), NOW).is_err(),
            "the same address, written otherwise"
        );
        assert!(limits.check(&attempt(1, "192.0.2.2"), NOW).is_ok(), "the real user, from elsewhere");
        assert!(limits.check(&attempt(2, "192.0.2.1"), NOW).is_ok(), "somebody else, from there");
    }

    #[test]
    fn a_source_has_a_limit_over_all_accounts_and_a_64_is_one_source() {
        let limits = LoginLimits::new();
        for account in 0..100 {
            limits.failed(&attempt(account, &format!("2001:db8::{account:x}")), NOW);
        }
        assert!(limits.check(&attempt(200, "2001:db8::ffff"), NOW).is_err());
        assert!(limits.check(&attempt(200, "2001:db8:0:1::"), NOW).is_ok());
    }

    #[test]
    fn success_forgives_the_account_and_not_the_source() {
        let limits = LoginLimits::new();
        let ada = attempt(1, "192.0.2.1");
        for account in (0..90).chain([1; 10]) {
            limits.failed(&attempt(account.max(1), "192.0.2.1"), NOW);
        }
        limits.succeeded(&ada);
        assert!(limits.lock().by_account.check(&(ada.account, ada.source), NOW).is_ok());
        assert!(limits.check(&ada, NOW).is_err());
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_newest() {
        let mut recent = Recent { times: HashMap::new(), limit: 1 };
        for key in 0..MAX_KEYS + 5 {
            recent.add(key, NOW.plus(Duration::from_millis(key as u64)));
        }
        assert_eq!(recent.times.len(), MAX_KEYS);
        assert!(recent.check(&0, NOW).is_ok());
        assert!(recent.check(&(MAX_KEYS + 4), NOW).is_err());
    }
}
