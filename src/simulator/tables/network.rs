//! Network interfaces and the hosts file.

use crate::clock::Timestamp;

use super::super::host::{Host, Platform};
use super::Row;

/// The names of the loopback and the main interface.
fn interfaces(host: &Host) -> (&'static str, &'static str) {
    match host.platform {
        Platform::Linux => ("lo", "eth0"),
        Platform::Darwin => ("lo0", "en0"),
        Platform::Windows => ("1", "6"),
    }
}

/// The addresses of both interfaces.
pub(super) fn interface_addresses(host: &Host, _: Timestamp) -> Vec<Row> {
    let (loopback, main) = interfaces(host);
    let [a, b, ..] = host.address.octets();
    let suffix = host.draw("interface").hex(4);
    let address = host.address.to_string();
    [
        (loopback, "127.0.0.1".to_owned(), "255.0.0.0", String::new()),
        (loopback, "::1".to_owned(), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", String::new()),
        (main, address, "255.255.0.0", format!("{a}.{b}.255.255")),
        (main, format!("fe80::5054:ff:fe12:{suffix}"), "ffff:ffff:ffff:ffff::", String::new()),
    ]
    .into_iter()
    .map(|(interface, address, mask, broadcast)| {
        let row = Row::new()
            .text("interface", interface)
            .text("address", address)
            .text("mask", mask)
            .text("broadcast", broadcast)
            .text("point_to_point", if interface == loopback { "127.0.0.1" } else { "" })
            .text("type", if interface == main { "dhcp" } else { "manual" });
        match host.platform {
            Platform::Windows => row.text("friendly_name", friendly_name(interface == main)),
            Platform::Linux | Platform::Darwin => row,
        }
    })
    .collect()
}

/// Both interfaces with their counters.
pub(super) fn interface_details(host: &Host, now: Timestamp) -> Vec<Row> {
    let (loopback, main) = interfaces(host);
    let mut draw = host.draw("interface");
    let suffix = draw.hex(6);
    let mac = format!("52:54:00:{}:{}:{}", &suffix[..2], &suffix[2..4], &suffix[4..]);
    let packets = host.uptime(now) * draw.between(5, 90);
    let links = [(loopback, "00:00:00:00:00:00".to_owned(), packets / 9), (main, mac, packets)];
    links.into_iter().map(|(name, mac, packets)| interface(host, name, mac, packets, name == main)).collect()
}

/// The row of an interface.
fn interface(host: &Host, name: &str, mac: String, packets: i64, is_main: bool) -> Row {
    let row = Row::new()
        .text("interface", name)
        .text("mac", mac)
        .int("type", if is_main { 6 } else { 24 })
        .int("mtu", if is_main { 1_500 } else { 65_536 })
        .int("metric", 0)
        .int("flags", if is_main { 69_699 } else { 65_609 })
        .int("ipackets", packets)
        .int("opackets", packets / 2)
        .int("ibytes", packets * 740)
        .int("obytes", packets * 310)
        .int("ierrors", 0)
        .int("oerrors", 0)
        .int("idrops", packets / 100_000)
        .int("odrops", 0)
        .int("collisions", 0)
        .int("last_change", -1);
    match host.platform {
        Platform::Linux => {
            row.int("link_speed", 10_000).text("pci_slot", if is_main { "0000:01:00.0" } else { "" })
        }
        Platform::Darwin => row.int("link_speed", 1_000),
        Platform::Windows => row
            .text("friendly_name", friendly_name(is_main))
            .text("description", if is_main { "Intel(R) Ethernet Connection" } else { "" })
            .text("manufacturer", if is_main { "Intel" } else { "" })
            .text("connection_status", if is_main { "2" } else { "" })
            .int("enabled", 1)
            .int("physical_adapter", i64::from(is_main))
            .int("dhcp_enabled", i64::from(is_main)),
    }
}

/// The hosts file.
pub(super) fn etc_hosts(host: &Host, _: Timestamp) -> Vec<Row> {
    let mut lines = vec![("127.0.0.1".to_owned(), "localhost".to_owned())];
    match host.platform {
        Platform::Linux => {
            lines.push(("127.0.1.1".to_owned(), host.hostname.clone()));
            lines.push(("::1".to_owned(), "ip6-localhost ip6-loopback".to_owned()));
        }
        Platform::Darwin => {
            lines.push(("255.255.255.255".to_owned(), "broadcasthost".to_owned()));
            lines.push(("::1".to_owned(), "localhost".to_owned()));
        }
        Platform::Windows => lines.push(("::1".to_owned(), "localhost".to_owned())),
    }
    if host.draw("etc_hosts").happens(0.2) {
        lines.push(("10.0.0.20".to_owned(), "registry.internal.example.com".to_owned()));
    }
    lines
        .into_iter()
        .map(|(address, names)| Row::new().text("address", address).text("hostnames", names))
        .collect()
}

/// What Windows calls an interface.
fn friendly_name(is_main: bool) -> &'static str {
    if is_main { "Ethernet" } else { "Loopback Pseudo-Interface 1" }
}
