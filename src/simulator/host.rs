//! Who a simulated host is: made from the seed of the simulation and the host's number.

use std::net::Ipv4Addr;

use crate::clock::Timestamp;

use super::catalog::{self, Machine, Os, Version};
use super::draw::Draw;

/// The platforms that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Servers with Linux.
    Linux,
    /// Macs.
    Darwin,
    /// PCs with Windows.
    Windows,
}

impl Platform {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Linux, Self::Darwin, Self::Windows];

    /// Five of ten hosts are Linux, three macOS, two Windows; the first three are one of each.
    fn of(index: usize) -> Self {
        match index % 10 {
            1 | 4 | 8 => Self::Darwin,
            2 | 6 => Self::Windows,
            _ => Self::Linux,
        }
    }

    /// osquery's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Darwin => "darwin",
            Self::Windows => "windows",
        }
    }

    /// osquery's bit mask: POSIX 1, Windows 2, Linux 8, BSD and macOS 4 and 16.
    pub(crate) fn mask(self) -> i64 {
        match self {
            Self::Linux => 9,
            Self::Darwin => 21,
            Self::Windows => 2,
        }
    }
}

/// A simulated host.
#[derive(Debug)]
pub(crate) struct Host {
    seed: u64,
    /// Its number in the simulation.
    pub(crate) index: usize,
    pub(crate) platform: Platform,
    pub(crate) os: &'static Os,
    pub(crate) machine: &'static Machine,
    pub(crate) osquery: Version,
    pub(crate) hostname: String,
    /// The hardware's UUID, in capitals as osquery shows it.
    pub(crate) uuid: String,
    pub(crate) serial: String,
    /// The account of the person who uses or runs it.
    pub(crate) person: &'static str,
    pub(crate) address: Ipv4Addr,
    /// Seconds between its check-ins, as its flags say.
    pub(crate) check_in_interval_s: u64,
}

impl Host {
    /// Host number `index` of the simulation of `seed`, running one of `versions` of osquery.
    pub(crate) fn new(seed: u64, index: usize, versions: &[Version]) -> Self {
        let platform = Platform::of(index);
        let number = u64::try_from(index).unwrap_or(u64::MAX);
        let own_seed = Draw::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15), "host").next();
        let mut draw = Draw::new(own_seed, "identity");
        let person = draw.pick(&catalog::PEOPLE);
        Self {
            seed: own_seed,
            index,
            platform,
            os: draw.pick(catalog::systems(platform)),
            machine: draw.pick(catalog::machines(platform)),
            osquery: *draw.pick(versions),
            hostname: hostname(platform, person, index, &mut draw),
            uuid: draw.uuid().to_uppercase(),
            serial: draw.hex(10).to_uppercase(),
            person,
            address: address(index),
            check_in_interval_s: 10,
        }
    }

    /// The host's own stream of numbers about `topic`.
    pub(crate) fn draw(&self, topic: &str) -> Draw {
        Draw::new(self.seed, topic)
    }

    /// Seconds since it was started, at `now`: it restarts every few days to weeks.
    pub(crate) fn uptime(&self, now: Timestamp) -> i64 {
        let mut draw = self.draw("uptime");
        let period = draw.between(3 * 86_400, 45 * 86_400);
        let offset = draw.between(0, period);
        (now.0 / 1000 + offset).rem_euclid(period) + 90
    }

    /// When it was started, in Unix seconds, at `now`.
    pub(crate) fn started(&self, now: Timestamp) -> i64 {
        now.0 / 1000 - self.uptime(now)
    }

    /// The home directory of an account.
    pub(crate) fn home(&self, account: &str) -> String {
        match self.platform {
            Platform::Linux => format!("/home/{account}"),
            Platform::Darwin => format!("/Users/{account}"),
            Platform::Windows => format!("C:\\Users\\{account}"),
        }
    }

    /// The agent's `instance_id`.
    pub(crate) fn instance_id(&self) -> String {
        self.draw("instance").uuid()
    }
}

/// A name as such machines have; the number keeps it unique.
fn hostname(platform: Platform, person: &str, index: usize, draw: &mut Draw) -> String {
    match platform {
        Platform::Linux => format!("{}-{index:04}.example.com", draw.pick(&catalog::ROLES)),
        Platform::Darwin => format!("{person}-mac-{index:04}.local"),
        Platform::Windows => format!("{}-PC-{index:04}", person.to_uppercase()),
    }
}

/// An address in 10.0.0.0/8 with a /16 for every 60,000 hosts.
fn address(index: usize) -> Ipv4Addr {
    let number = u32::try_from(index % 15_000_000).unwrap_or(0);
    let (network, rest) = (number / 60_000, number % 60_000);
    Ipv4Addr::from(0x0a00_0000 + (network << 16) + (rest / 240 + 1) * 256 + rest % 240 + 10)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_host() {
        let show = |seed, index| format!("{:?}", Host::new(seed, index, &catalog::CURRENT));
        assert_eq!(show(1, 5), show(1, 5));
        assert_ne!(show(1, 5), show(2, 5));
    }

    #[test]
    fn hosts_differ_in_what_must_be_unique() {
        let hosts: Vec<Host> = (0..2_000).map(|index| Host::new(3, index, &catalog::CURRENT)).collect();
        let unique = |of: fn(&Host) -> String| hosts.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(unique(|host| host.uuid.clone()), hosts.len());
        assert_eq!(unique(|host| host.hostname.clone()), hosts.len());
        assert_eq!(unique(|host| host.address.to_string()), hosts.len());
    }

    #[test]
    fn every_platform_is_among_three_hosts() {
        assert_eq!([0, 1, 2].map(Platform::of), Platform::ALL);
    }
}
