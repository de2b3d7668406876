//! Wrong secrets, counted by source in memory: a flood of them costs no SQL.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wrong secrets are counted for so long. Also how often a source is noted in the audit trail at most.
const WINDOW: Duration = Duration::from_mins(1);
/// Sources remembered at most.
const SOURCES: usize = 10_000;

/// Who lately showed wrong secrets.
pub struct Guard {
    /// Wrong secrets from one source in [`WINDOW`] before only right ones are looked at.
    limit: u32,
    /// A wrong secret is rare enough for one lock.
    sources: Mutex<HashMap<IpAddr, Failures>>,
}

/// Wrong secrets of one source.
struct Failures {
    since: Instant,
    count: u32,
}

impl Guard {
    /// A guard that lets a source fail `limit` times a minute.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { limit, sources: Mutex::default() }
    }

    /// Whether the source must wait.
    pub(super) fn is_shut(&self, source: IpAddr, now: Instant) -> bool {
        let sources = self.lock();
        let failures = sources.get(&network(source)).filter(|failures| failures.is_fresh(now));
        failures.is_some_and(|failures| failures.count >= self.limit)
    }

    /// Counts a wrong secret; true for the first of the source in a window.
    pub(super) fn failed(&self, source: IpAddr, now: Instant) -> bool {
        let mut sources = self.lock();
        if sources.len() >= SOURCES {
            sources.retain(|_, failures| failures.is_fresh(now));
        }
        if sources.len() >= SOURCES {
            sources.clear();
        }
        let failures = sources.entry(network(source)).or_insert(Failures { since: now, count: 0 });
        if !failures.is_fresh(now) {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count += 1;
        failures.count == 1
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < WINDOW
    }
}

/// What counts as one source: an IPv4 address, or the /64 of an IPv6 address, which one machine has to itself.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_flood_shuts_its_source_until_the_window_ends() {
        let guard = Guard::new(100);
        let (source, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        let now = Instant::now();
        let told: Vec<bool> = (0..100).map(|_| guard.failed(source, now)).collect();
        assert_eq!(told.iter().filter(|first| **first).count(), 1, "noted once");
        assert!(guard.is_shut(source, now));
        assert!(!guard.is_shut(other, now));
        assert!(!guard.is_shut(source, now + WINDOW));
        assert!(guard.failed(source, now + WINDOW), "a new window is noted again");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let (one, other) = ("2001:db8::1", "2001:db8::ffff:2");
        assert_eq!(network(one.parse().expect("an address")), network(other.parse().expect("an address")));
        assert_eq!(
            network("::ffff:10.0.0.1".parse().expect("an address")),
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))
        );
    }

    #[test]
    fn memory_is_bounded() {
        let guard = Guard::new(100);
        let now = Instant::now();
        for n in 0..20_000_u32 {
            guard.failed(IpAddr::V4(Ipv4Addr::from(n)), now);
        }
        assert!(guard.lock().len() <= SOURCES);
    }
}
