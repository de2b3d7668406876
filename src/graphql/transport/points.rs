//! Points: what the operations of a caller may cost over time, as a bucket that leaks.
//!
//! Each operation pours its cost in; a full bucket leaks empty in one window, evenly. What would flow over is refused,
//! before it is executed. The buckets are in this server's memory; [`shared`] tells the other servers what was poured in
//! here, so that within a second everybody's bucket is the same everywhere, and no request waits for another server.

mod shared;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_graphql::{Value, value};

pub use shared::share;

use super::holder::Holder;
use super::settings::CostSettings;
use crate::clock::{Clock, Timestamp};

/// Buckets in memory before those that have leaked empty are dropped.
const SWEEP: usize = 1_024;

/// The buckets of everybody. A cheap handle.
#[derive(Clone, Debug)]
pub struct Points {
    buckets: Arc<Mutex<Buckets>>,
    clock: Clock,
    window_ms: u64,
    limit: u64,
    limit_of_source: u64,
}

#[derive(Debug)]
struct Buckets {
    held: HashMap<Holder, Bucket>,
    /// So many, and it is time to sweep again.
    sweep_at: usize,
    /// What was spent here and no other server was told; none while nobody tells.
    untold: Option<HashMap<Holder, u64>>,
}

/// What is in one bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Points times the milliseconds of a window, so that each millisecond takes a whole number away.
    content: u64,
    /// When it had that.
    at: Timestamp,
}

/// What an operation was charged, and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Cost of the operation.
    pub cost: u64,
    /// Points of a window.
    pub limit: u64,
    /// Points left.
    pub remaining: u64,
    /// When the bucket is empty again, if nothing else is asked.
    pub reset_at: Timestamp,
}

/// Too little is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// How long until there is enough, at most a window.
    pub wait: Duration,
}

impl Points {
    /// Buckets that are all empty.
    #[must_use]
    pub fn new(settings: &CostSettings, clock: Clock) -> Self {
        let window_ms = u64::try_from(settings.window.as_millis()).unwrap_or(u64::MAX).max(1);
        let buckets = Buckets { held: HashMap::new(), sweep_at: SWEEP, untold: None };
        Self {
            buckets: Arc::new(Mutex::new(buckets)),
            clock,
            window_ms,
            limit: settings.limit.max(1),
            limit_of_source: settings.limit_of_source.max(1),
        }
    }

    /// Points that a holder has in a window.
    #[must_use]
    pub fn limit(&self, holder: Holder) -> u64 {
        match holder {
            Holder::User(_) => self.limit,
            Holder::Source(_) => self.limit_of_source,
        }
    }

    /// Pours `cost` into the bucket of a holder.
    ///
    /// # Errors
    /// When it would flow over; then nothing was poured.
    pub fn spend(&self, holder: Holder, cost: u64) -> Result<Charged, Exhausted> {
        let limit = self.limit(holder);
        let (now, full) = (self.clock.now(), limit.saturating_mul(self.window_ms));
        let poured = cost.saturating_mul(self.window_ms);
        let mut buckets = self.lock();
        buckets.sweep(now, |holder| self.limit(holder));
        let bucket = buckets.held.entry(holder).or_insert(Bucket { content: 0, at: now });
        bucket.leak(now, limit);
        let filled = bucket.content.saturating_add(poured);
        if filled > full {
            return Err(Exhausted {
                wait: Duration::from_millis((filled - full).div_ceil(limit).min(self.window_ms)),
            });
        }
        bucket.content = filled;
        if let Some(untold) = &mut buckets.untold {
            let untold = untold.entry(holder).or_default();
            *untold = untold.saturating_add(cost);
        }
        let remaining = (full - filled) / self.window_ms;
        let empty_in = i64::try_from(filled.div_ceil(limit)).unwrap_or(i64::MAX);
        Ok(Charged { cost, limit, remaining, reset_at: Timestamp(now.0.saturating_add(empty_in)) })
    }

    /// Counts what a holder spent on another server: it flows over where a bucket is full.
    fn pour(&self, holder: Holder, cost: u64) {
        let limit = self.limit(holder);
        let now = self.clock.now();
        let mut buckets = self.lock();
        buckets.sweep(now, |holder| self.limit(holder));
        let bucket = buckets.held.entry(holder).or_insert(Bucket { content: 0, at: now });
        bucket.leak(now, limit);
        let poured = cost.saturating_mul(self.window_ms);
        bucket.content = bucket.content.saturating_add(poured).min(limit.saturating_mul(self.window_ms));
    }

    /// Notes from now on what is spent, for [`Self::take_untold`].
    fn begin_to_note(&self) {
        self.lock().untold.get_or_insert_default();
    }

    /// What was spent here since it was last asked.
    fn take_untold(&self) -> HashMap<Holder, u64> {
        self.lock().untold.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buckets {
    /// Drops what has leaked empty, now and then.
    fn sweep(&mut self, now: Timestamp, limit: impl Fn(Holder) -> u64) {
        if self.held.len() < self.sweep_at {
            return;
        }
        self.held.retain(|holder, bucket| {
            bucket.leak(now, limit(*holder));
            bucket.content > 0
        });
        self.sweep_at = (self.held.len() * 2).max(SWEEP);
    }
}

impl Bucket {
    /// What has leaked by now is gone. A clock that was set back leaks nothing, and goes on from there.
    fn leak(&mut self, now: Timestamp, limit: u64) {
        let passed = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or_default();
        self.content = self.content.saturating_sub(passed.saturating_mul(limit));
        self.at = now;
    }
}

impl Charged {
    /// As `extensions.cost` of an answer.
    #[must_use]
    pub fn shown(&self) -> Value {
        let Self { cost, limit, remaining, reset_at } = *self;
        let reset_at = async_graphql::ScalarType::to_value(&crate::graphql::scalars::DateTime(reset_at));
        value!({ "requested": cost, "limit": limit, "remaining": remaining, "resetAt": reset_at })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use entity::id::UserId;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::FixedClock;

    const ADA: Holder = Holder::User(UserId(1));
    const HERE: Holder = Holder::Source(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn points(limit: u64) -> (Points, FixedClock) {
        let clock = FixedClock::at(Timestamp(1_000_000));
        let settings = CostSettings {
            limit,
            limit_of_source: 10,
            window: Duration::from_secs(10),
            ..CostSettings::default()
        };
        (Points::new(&settings, Clock::Fixed(clock.clone())), clock)
    }

    #[test]
    fn what_flows_over_is_refused_and_leaks_in_time() {
        let (points, clock) = points(100);
        let charged = points.spend(ADA, 60).expect("an empty bucket takes it");
        assert_eq!((charged.remaining, charged.reset_at), (40, Timestamp(1_006_000)));
        assert_eq!(points.spend(ADA, 41), Err(Exhausted { wait: Duration::from_millis(100) }));
        assert_eq!(points.spend(ADA, 40).map(|charged| charged.remaining), Ok(0));
        clock.advance(Duration::from_secs(1));
        assert_eq!(points.spend(ADA, 10).map(|charged| charged.remaining), Ok(0));
        assert!(points.spend(ADA, 1).is_err());
        clock.advance(Duration::from_secs(10));
        assert_eq!(points.spend(ADA, 1).map(|charged| charged.remaining), Ok(99));
    }

    #[test]
    fn each_has_a_bucket_of_their_own() {
        let (points, _) = points(100);
        assert!(points.spend(HERE, 10).is_ok());
        assert_eq!(points.spend(HERE, 1), Err(Exhausted { wait: Duration::from_secs(1) }));
        assert!(points.spend(ADA, 100).is_ok());
        assert!(points.spend(Holder::User(UserId(2)), 100).is_ok());
    }

    #[test]
    fn what_is_spent_elsewhere_counts_here() {
        let (points, _) = points(100);
        points.spend(ADA, 1).expect("an empty bucket takes it");
        assert!(points.take_untold().is_empty(), "nobody tells yet");
        points.begin_to_note();
        points.spend(ADA, 20).expect("there is room");
        points.spend(ADA, 9).expect("there is room");
        assert_eq!(points.take_untold(), HashMap::from([(ADA, 29)]));
        assert!(points.take_untold().is_empty(), "it is told once");
        points.pour(ADA, 60);
        assert!(points.take_untold().is_empty(), "what was heard is not told again");
        assert!(points.spend(ADA, 11).is_err());
        assert_eq!(points.spend(ADA, 10).map(|charged| charged.remaining), Ok(0));
        points.pour(ADA, 1_000);
        assert_eq!(
            points.spend(ADA, 1),
            Err(Exhausted { wait: Duration::from_millis(100) }),
            "it flowed over"
        );
    }

    #[test]
    fn empty_buckets_are_dropped() {
        let (points, clock) = points(100);
        for user in 0..5_000 {
            clock.advance(Duration::from_secs(11));
            points.spend(Holder::User(UserId(user)), 1).expect("it is empty");
        }
        assert!(points.buckets.lock().expect("no panic before").held.len() <= SWEEP);
    }

    proptest! {
        /// Over any time, no more is spent than a full bucket and what leaked meanwhile.
        #[test]
        fn no_more_is_spent_than_leaks(steps in prop::collection::vec((0u64..200, 0u64..3_000), 1..100)) {
            let (points, clock) = points(100);
            let (mut spent, mut passed) = (0, 0);
            for (cost, wait) in steps {
                clock.advance(Duration::from_millis(wait));
                passed += wait;
                match points.spend(ADA, cost) {
                    Ok(charged) => {
                        spent += cost;
                        prop_assert!(charged.remaining <= 100);
                    }
                    Err(Exhausted { wait }) => prop_assert!(!wait.is_zero()),
                }
                prop_assert!(spent * 10_000 <= 100 * (10_000 + passed));
            }
        }
    }
}
