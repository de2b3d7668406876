//! Memory in use.

use crate::clock::Timestamp;

use super::super::host::Host;
use super::Row;

/// Bytes of a page on Macs.
const PAGE: i64 = 16_384;

/// Linux: bytes.
pub(super) fn memory_info(host: &Host, now: Timestamp) -> Vec<Row> {
    let total = host.machine.memory << 30;
    let available = total / 100 * available_percent(host, now);
    vec![
        Row::new()
            .int("memory_total", total)
            .int("memory_free", available / 3)
            .int("memory_available", available)
            .int("buffers", total / 50)
            .int("cached", available / 2)
            .int("swap_cached", 0)
            .int("active", (total - available) / 2)
            .int("inactive", available / 2)
            .int("swap_total", 2_i64 << 30)
            .int("swap_free", 2_i64 << 30),
    ]
}

/// macOS: pages.
pub(super) fn virtual_memory_info(host: &Host, now: Timestamp) -> Vec<Row> {
    let total = (host.machine.memory << 30) / PAGE;
    let free = total / 100 * available_percent(host, now);
    vec![
        Row::new()
            .int("free", free)
            .int("active", (total - free) / 2)
            .int("inactive", (total - free) / 4)
            .int("speculative", free / 10)
            .int("throttled", 0)
            .int("wired", (total - free) / 4)
            .int("purgeable", free / 20)
            .int("faults", host.uptime(now) * 900)
            .int("page_ins", host.uptime(now) * 11)
            .int("page_outs", host.uptime(now)),
    ]
}

/// It changes every few minutes.
fn available_percent(host: &Host, now: Timestamp) -> i64 {
    host.draw(&format!("memory {}", now.0 / 300_000)).between(10, 80)
}
