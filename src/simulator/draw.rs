//! Randomness that is none: everything about a simulated host follows from its seed and a topic.

use std::fmt::Write as _;

/// A stream of numbers (splitmix64); equal seeds and topics give equal streams.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The stream of `topic` under `seed`.
    pub(crate) fn new(seed: u64, topic: &str) -> Self {
        let hash = topic.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut draw = Self(seed ^ hash.rotate_left(29));
        draw.next();
        draw
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to but without `high`; `low` if the range is empty.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0).max(1);
        low.saturating_add(i64::try_from(self.next() % width).unwrap_or(0))
    }

    /// A number from 0 up to but without 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    /// Whether something of probability `chance` (0 to 1) happens.
    pub(crate) fn happens(&mut self, chance: f64) -> bool {
        self.fraction() < chance
    }

    /// One of `choices`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let last = i64::try_from(choices.len()).unwrap_or(i64::MAX);
        &choices[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }

    /// `digits` hexadecimal digits in lower case.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            let _ = write!(text, "{:016x}", self.next());
        }
        text.truncate(digits);
        text
    }

    /// A version 4 UUID in lower case.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        let variant = self.pick(&["8", "9", "a", "b"]);
        format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_and_topics_give_equal_streams() {
        let take = |seed, topic| {
            let mut draw = Draw::new(seed, topic);
            [draw.next(), draw.next()]
        };
        assert_eq!(take(1, "a"), take(1, "a"));
        assert_ne!(take(1, "a"), take(2, "a"));
        assert_ne!(take(1, "a"), take(1, "b"));
    }

    #[test]
    fn stays_in_its_range() {
        let mut draw = Draw::new(7, "range");
        for _ in 0..1_000 {
            assert!((3..9).contains(&draw.between(3, 9)));
            assert!((0.0..1.0).contains(&draw.fraction()));
        }
        assert_eq!(draw.between(5, 5), 5);
        assert_eq!(draw.hex(5).len(), 5);
        assert_eq!(draw.uuid().len(), 36);
    }
}
