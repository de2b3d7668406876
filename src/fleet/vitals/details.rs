//! From what a host told to the columns of its row. What it did not tell, or told as nothing, stays as it was.

use std::net::IpAddr;
use std::time::Duration;

use entity::hosts::Model;
use entity::kind::Platform;

use super::Vital;
use crate::clock::Timestamp;
use crate::fleet::due::Row;
use crate::fleet::enrollment::is_useless_uuid;
use crate::store::hosts::Details;

/// Characters of a text at most.
const MAX_TEXT: usize = 255;
/// How far the time of a start may wander before it is another start: clocks are adjusted.
const STEADY: Duration = Duration::from_mins(2);
/// Seconds of an interval at most: a day.
const MAX_INTERVAL_S: i32 = 24 * 3_600;

/// The row's details, overlaid with what was told now.
pub(super) fn overlaid(row: &Model, now: Timestamp, told: &[(Vital, Vec<Row>)]) -> Details {
    let mut details = Details::from(row);
    for (vital, rows) in told {
        let first = rows.first();
        match (vital, first) {
            (Vital::SystemInfo, Some(first)) => machine(&mut details, row, first, now),
            (Vital::OsVersion, Some(first)) => keep(&mut details.os_version, os_version(first)),
            (Vital::OsqueryInfo, Some(first)) => agent(&mut details, first),
            (Vital::Uptime, Some(first)) => started(&mut details, first, now),
            (Vital::Disks, _) => disk(&mut details, row.platform, rows),
            (Vital::Interfaces, _) => address(&mut details, rows),
            (Vital::Flags, _) => intervals(&mut details, rows),
            _ => {}
        }
    }
    details
}

fn machine(details: &mut Details, row: &Model, told: &Row, now: Timestamp) {
    if let Some(hostname) = text(told, "hostname").or_else(|| text(told, "computer_name")) {
        details.hostname = hostname;
    }
    keep(&mut details.serial_number, text(told, "hardware_serial"));
    keep(&mut details.hardware_vendor, text(told, "hardware_vendor"));
    keep(&mut details.hardware_model, text(told, "hardware_model"));
    keep(&mut details.cpu_brand, text(told, "cpu_brand"));
    keep(&mut details.cpu_cores, number(told, "cpu_logical_cores"));
    keep(&mut details.memory_bytes, number(told, "physical_memory"));
    let is_another = |uuid: &String| {
        !is_useless_uuid(uuid)
            && !is_useless_uuid(&row.hardware_uuid)
            && !uuid.eq_ignore_ascii_case(&row.hardware_uuid)
    };
    if text(told, "uuid").as_ref().is_some_and(is_another) {
        // Another machine speaks with this host's node key: a copy of its disk.
        details.clone_suspected_at = details.clone_suspected_at.or(Some(now));
    }
}

fn agent(details: &mut Details, told: &Row) {
    keep(&mut details.osquery_version, text(told, "version"));
    keep(&mut details.config_hash, text(told, "config_hash"));
    keep(&mut details.instance_id, text(told, "instance_id").filter(|id| !is_useless_uuid(id)));
}

fn started(details: &mut Details, told: &Row, now: Timestamp) {
    let Some(seconds) = number::<u32>(told, "total_seconds") else { return };
    let at = now.minus(Duration::from_secs(u64::from(seconds)));
    let is_same = |before: Timestamp| before.minus(STEADY) <= at && at <= before.plus(STEADY);
    if !details.booted_at.is_some_and(is_same) {
        details.booted_at = Some(at);
    }
}

/// The main file system: `/`, or the drive that Windows starts from.
fn disk(details: &mut Details, platform: Platform, rows: &[Row]) {
    let is_main = |row: &&Row| match platform {
        Platform::Windows => text(row, "boot_partition").as_deref() == Some("1"),
        _ => text(row, "path").as_deref() == Some("/"),
    };
    let c_drive = |row: &&Row| text(row, "path").is_some_and(|path| path.eq_ignore_ascii_case("C:"));
    let Some(main) = rows.iter().find(is_main).or_else(|| rows.iter().find(c_drive)) else { return };
    keep(&mut details.disk_total_bytes, number(main, "size_bytes"));
    keep(&mut details.disk_free_bytes, number(main, "free_bytes"));
}

/// The first address of the outside, those of version 4 first.
fn address(details: &mut Details, rows: &[Row]) {
    let outside = |row: &Row| address_of(row).filter(is_of_outside).map(|address| (address, row.clone()));
    let mut found: Vec<(IpAddr, Row)> = rows.iter().filter_map(outside).collect();
    found.sort_by_key(|(address, _)| address.is_ipv6());
    let Some((address, row)) = found.into_iter().next() else { return };
    details.primary_address = Some(address.to_string());
    keep(&mut details.primary_mac, text(&row, "mac"));
}

/// The address of an interface's row; osquery writes the zone of a link-local one behind it.
pub(super) fn address_of(row: &Row) -> Option<IpAddr> {
    row.get("address")?.split('%').next()?.parse().ok()
}

/// Whether an address is worth to find a host by: of no loopback, and not only of one link.
pub(super) fn is_of_outside(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_loopback() && !address.is_link_local() && !address.is_unspecified()
        }
        IpAddr::V6(address) => {
            !address.is_loopback() && !address.is_unicast_link_local() && !address.is_unspecified()
        }
    }
}

fn intervals(details: &mut Details, rows: &[Row]) {
    let flag = |name: &str| {
        let row = rows.iter().find(|row| row.get("name").is_some_and(|known| known == name))?;
        number::<i32>(row, "value").map(|seconds| seconds.clamp(0, MAX_INTERVAL_S))
    };
    if let Some(seconds) = flag("distributed_interval").filter(|seconds| *seconds > 0) {
        details.check_in_interval_s = seconds;
    }
    keep(&mut details.config_interval_s, flag("config_refresh"));
    keep(&mut details.log_interval_s, flag("logger_tls_period"));
}

/// Name and version; a version often begins with the name.
fn os_version(told: &Row) -> Option<String> {
    match (text(told, "name"), text(told, "version")) {
        (Some(name), Some(version)) if version.starts_with(&name) => Some(version),
        (Some(name), Some(version)) => Some(format!("{name} {version}")),
        (name, version) => name.or(version),
    }
}

fn keep<T>(known: &mut Option<T>, told: Option<T>) {
    if told.is_some() {
        *known = told;
    }
}

/// A text without control characters and space around it, bounded; none when nothing is left.
pub(super) fn text(row: &Row, column: &str) -> Option<String> {
    let value = row.get(column)?.trim().chars().take(MAX_TEXT);
    let clean: String = value.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// A number that is not negative.
pub(super) fn number<T: TryFrom<i64>>(row: &Row, column: &str) -> Option<T> {
    let whole: i64 = row.get(column)?.trim().split('.').next()?.parse().ok()?;
    T::try_from(whole.max(0)).ok()
}
