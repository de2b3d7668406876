//! Networks of addresses: `10.0.0.0/8`, `::1`.

use std::net::IpAddr;

use super::setting::Setting;

/// A network: its address, and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether an address is in it; one of IPv4 that is written in IPv6 is one of IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(32 - self.prefix).is_none_or(|bits| bits == 0)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(128 - self.prefix).is_none_or(|bits| bits == 0)
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Self { address, prefix })
    }
}

/// Some networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether an address is in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Setting for Networks {
    const EXPECTED: &'static str = "networks such as 10.0.0.0/8, ::1";

    fn parse(text: &str) -> Option<Self> {
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        texts.map(Network::parse).collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network_and_in_no_other() {
        let networks =
            Networks::parse("10.0.0.0/8, 192.0.2.7, ::1, 2001:db8::/32").expect("they are networks");
        for inside in ["10.255.0.1", "192.0.2.7", "::1", "2001:db8:ffff::1", "::ffff:10.1.2.3"] {
            assert!(networks.contains(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.6", "::2", "2001:db9::1", "::ffff:11.0.0.1", "::a00:1"] {
            assert!(!networks.contains(outside.parse().expect("an address")), "{outside}");
        }
        let all = Networks::parse("0.0.0.0/0").expect("a network");
        assert!(
            all.contains(IpAddr::from([1, 2, 3, 4])) && !all.contains("::1".parse().expect("an address"))
        );
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["?", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "a.example"] {
            assert_eq!(Networks::parse(text), None, "{text}");
        }
        assert_eq!(Networks::parse(""), Some(Networks::default()));
    }
}
