//! Latencies as counts in buckets: cheap to record from many tasks, exact to one eighth.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of each power of two.
const STEPS: u64 = 8;

/// Buckets in all: from one microsecond to about an hour.
const BUCKETS: usize = 256;

/// Counts of durations.
#[derive(Debug)]
pub(super) struct Histogram(Vec<AtomicU64>);

/// Percentiles of what was recorded; zero if nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many were recorded.
    pub count: u64,
    /// Half were at most this long.
    pub p50: Duration,
    /// 95 of 100 were at most this long.
    pub p95: Duration,
    /// 99 of 100 were at most this long.
    pub p99: Duration,
}

impl Histogram {
    /// Without records.
    pub(super) fn new() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Records one duration.
    pub(super) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.0[bucket(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// The percentiles so far.
    pub(super) fn latency(&self) -> Latency {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let percentile = |percent: u64| {
            let wanted = (count * percent).div_ceil(100);
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += count;
                seen >= wanted.max(1)
            });
            found.map_or(Duration::ZERO, |bucket| Duration::from_micros(upper_end(bucket)))
        };
        Latency { count, p50: percentile(50), p95: percentile(95), p99: percentile(99) }
    }
}

/// The bucket of a number of microseconds.
fn bucket(micros: u64) -> usize {
    if micros < STEPS {
        return usize::try_from(micros).unwrap_or(0);
    }
    let shift = u64::from(micros.ilog2()) - 3;
    let index = (shift + 1) * STEPS + ((micros >> shift) - STEPS);
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The largest number of microseconds in a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_of_known_durations() {
        let histogram = Histogram::new();
        assert_eq!(histogram.latency(), Latency::default());
        (1..=100).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let latency = histogram.latency();
        assert_eq!(latency.count, 100);
        assert!((50..57).contains(&latency.p50.as_millis()), "{latency:?}");
        assert!((99..112).contains(&latency.p99.as_millis()), "{latency:?}");
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_number_within_an_eighth(micros in 0_u64..3_000_000_000) {
            let end = upper_end(bucket(micros));
            prop_assert!(end >= micros && end <= micros + micros / 8);
        }
    }
}
