//! How a simulated host behaves: most are well, some make trouble.

use super::SimulationSettings;
use super::catalog::{CURRENT, OLD, Version};

/// The trouble a host makes; at most one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// None.
    None,
    /// It takes 1 to 5 s to answer.
    Slow,
    /// It is away for some intervals, again and again.
    Offline,
    /// It answers every query with an error.
    Failing,
}

/// The trouble that host number `index` makes.
pub(super) fn trouble(settings: &SimulationSettings, index: usize) -> Trouble {
    let place = place(index, 0.618_033_988_749_894_9);
    let (slow, offline) = (settings.slow, settings.slow + settings.offline);
    match place {
        _ if place < slow => Trouble::Slow,
        _ if place < offline => Trouble::Offline,
        _ if place < offline + settings.failing => Trouble::Failing,
        _ => Trouble::None,
    }
}

/// The versions of osquery that host number `index` may have.
pub(super) fn versions(settings: &SimulationSettings, index: usize) -> &'static [Version] {
    if place(index, 0.414_213_562_373_095_1) < settings.old { &OLD } else { &CURRENT }
}

/// A place between 0 and 1. Multiples of an irrational number are spread so evenly that a proportion of the hosts,
/// few or many, is met almost exactly.
fn place(index: usize, irrational: f64) -> f64 {
    (f64::from(u32::try_from(index).unwrap_or(u32::MAX)) * irrational + 0.5).fract()
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;

    #[test]
    fn proportions_are_met() {
        let settings = SimulationSettings {
            slow: 0.1,
            offline: 0.2,
            failing: 0.05,
            old: 0.3,
            ..settings("http://localhost")
        };
        for hosts in [20_usize, 100, 1_000] {
            let count = |wanted| (0..hosts).filter(|index| trouble(&settings, *index) == wanted).count();
            assert!(count(Trouble::Slow).abs_diff(hosts / 10) <= 2);
            assert!(count(Trouble::Offline).abs_diff(hosts / 5) <= 2);
            assert!(count(Trouble::Failing).abs_diff(hosts / 20) <= 2);
            let old = (0..hosts).filter(|index| versions(&settings, *index) == OLD).count();
            assert!(old.abs_diff(hosts * 3 / 10) <= 2);
        }
    }
}
