//! How many sockets one actor has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::graphql::transport::holder::Holder;
use crate::policy::Actor;

/// Counts sockets by who opened them. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<Mutex<HashMap<Holder, usize>>>);

/// One open socket; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    holder: Holder,
}

impl Seats {
    /// Takes a seat; none when `limit` are taken.
    #[must_use]
    pub fn take(&self, actor: &Actor, source: IpAddr, limit: usize) -> Option<Seat> {
        let holder = Holder::of(actor, source);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(holder).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Seat { seats: self.clone(), holder })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_seat_comes_back() {
        let (seats, here) = (Seats::default(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let take = || seats.take(&Actor::Anonymous, here, 2);
        let (first, second) = (take(), take());
        assert!(take().is_none());
        drop(first);
        assert!(take().is_some());
        drop(second);
        assert!(seats.0.lock().expect("no panic before").is_empty());
    }
}
