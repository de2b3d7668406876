//! Random histories that can be told again: every choice follows from a seed, which is printed.

use super::services::env;

/// Whether this is the long tier: many seeds, outages of a minute.
pub fn is_long() -> bool {
    env("MUSTER_TEST_LONG").is_some()
}

/// A source of choices.
#[derive(Clone, Debug)]
pub struct Dice(u64);

/// The seeds of a test: that or those of `MUSTER_TEST_SEED` (`7`, `300-399`), else two, or 50 with `MUSTER_TEST_LONG`.
pub fn seeds() -> impl Iterator<Item = u64> {
    seeds_up_to(50)
}

/// As [`seeds`], with so many in the long tier.
pub fn seeds_up_to(many: u64) -> impl Iterator<Item = u64> {
    let Some(said) = env("MUSTER_TEST_SEED") else { return 1..=if is_long() { many } else { 2 } };
    let (first, last) = said.split_once('-').unwrap_or((&said, &said));
    let [first, last] = [first, last].map(|seed| seed.parse().expect("MUSTER_TEST_SEED has numbers"));
    first..=last
}

impl Dice {
    /// The choices of a seed. The test runner shows what is printed when the test fails.
    #[expect(
        clippy::print_stdout,
        reason = "the seed of a failed test is for the person who reads the failure"
    )]
    pub fn of(seed: u64) -> Self {
        println!("tell this history again with MUSTER_TEST_SEED={seed}");
        Self(seed)
    }

    /// Other choices, which follow from this one.
    pub fn split(&mut self) -> Self {
        Self(self.below(usize::MAX) as u64)
    }

    /// A number below `below`: the splitmix64 generator.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).expect("it is below a usize")
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}
