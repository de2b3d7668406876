//! Places for connections: so many in all, so many for one source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Networks;

/// How many connections there may be at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// On all listeners.
    pub connections: usize,
    /// From one address, or one /64 of IPv6.
    pub per_source: usize,
}

/// The places of all listeners. A cheap handle.
#[derive(Clone)]
pub struct Places(Arc<Room>);

struct Room {
    limits: Limits,
    free: Arc<Semaphore>,
    /// Who is counted by no source.
    proxies: Networks,
    /// Connections of each source that has some.
    sources: Mutex<HashMap<IpAddr, usize>>,
}

/// A place that is taken; free again when dropped.
pub(super) struct Place {
    room: Arc<Room>,
    source: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// Places within `limits`; the connections of `proxies` count in all only.
    #[must_use]
    pub fn new(limits: Limits, proxies: Networks) -> Self {
        let free = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Room { limits, free, proxies, sources: Mutex::default() }))
    }

    /// A place for whoever comes next, where there is one now.
    pub(super) fn try_one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.free).try_acquire_owned().ok()
    }

    /// Waits for a place for whoever comes next.
    pub(super) async fn one(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0.free).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Whether a good part is free again: enough not to be full at once.
    pub(super) fn are_easy(&self) -> bool {
        self.0.free.available_permits() * 10 >= self.0.limits.connections
    }

    /// Gives the place to a peer; none when its source has all it may have.
    pub(super) fn take(&self, permit: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let source = (!self.0.proxies.contains(peer)).then(|| source_of(peer));
        if let Some(source) = source {
            let mut sources = self.0.lock();
            let count = sources.entry(source).or_insert(0);
            if *count >= self.0.limits.per_source {
                return None;
            }
            *count += 1;
        }
        metrics::gauge!("muster_connections").increment(1.0);
        Some(Place { room: Arc::clone(&self.0), source, _permit: permit })
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("muster_connections").decrement(1.0);
        let Some(source) = self.source else { return };
        let mut sources = self.room.lock();
        if let Some(count) = sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&source);
            }
        }
    }
}

/// Who is counted together: an address of IPv4, or the network of 64 bits that one subscriber of IPv6 has.
fn source_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(places: &Places, peer: &str) -> Option<Place> {
        places.take(places.try_one()?, peer.parse().expect("an address"))
    }

    #[test]
    fn one_source_can_not_take_every_place() {
        let places = Places::new(Limits { connections: 4, per_source: 2 }, Networks::default());
        let first = taken(&places, "192.0.2.1").expect("there is room");
        let _second = taken(&places, "::ffff:192.0.2.1").expect("there is room");
        assert!(taken(&places, "192.0.2.1").is_none(), "it has its share");
        let _other = taken(&places, "192.0.2.2").expect("others have theirs");
        drop(first);
        assert!(taken(&places, "192.0.2.1").is_some(), "a place that is left is free");
    }

    #[test]
    fn neighbours_in_ipv6_are_one_source() {
        let places = Places::new(Limits { connections: 4, per_source: 1 }, Networks::default());
        let _one = taken(&places, "2001:db8::1").expect("there is room");
        assert!(taken(&places, "2001:db8::2").is_none());
        assert!(taken(&places, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn a_proxy_is_held_by_the_whole_only() {
        let proxies = crate::config::Config::load(&crate::config::Sources {
            flags: vec![("http.trusted_proxies".to_owned(), "10.0.0.0/8".to_owned())],
            ..crate::config::Sources::default()
        });
        let proxies = proxies.expect("it is a network").http.trusted_proxies;
        let places = Places::new(Limits { connections: 3, per_source: 1 }, proxies);
        let all: Vec<_> = (0..3).map(|_| taken(&places, "10.1.1.1").expect("there is room")).collect();
        assert!(taken(&places, "10.1.1.1").is_none() && !places.are_easy());
        drop(all);
        assert!(places.are_easy());
    }
}
