//! The system itself: its release, hardware, kernel, clock, and the agent.

use chrono::{DateTime, Datelike, Timelike};

use crate::clock::Timestamp;

use super::super::host::{Host, Platform};
use super::{Row, processes};

/// The release of the operating system.
pub(super) fn os_version(host: &Host, _: Timestamp) -> Vec<Row> {
    let [major, minor, patch] = host.os.numbers;
    let row = Row::new()
        .text("name", host.os.name)
        .text("version", host.os.version)
        .int("major", major)
        .int("minor", minor)
        .int("patch", patch)
        .text("build", host.os.build)
        .text("platform", host.os.platform)
        .text("platform_like", host.os.platform_like)
        .text("codename", host.os.codename)
        .text("arch", arch(host));
    vec![match host.platform {
        Platform::Linux => row,
        Platform::Darwin => row.text("extra", ""),
        Platform::Windows => {
            let revision =
                host.os.kernel.rsplit('.').next().and_then(|part| part.parse().ok()).unwrap_or(0_i64);
            row.int("install_date", 1_700_000_000 + host.draw("install").between(0, 50_000_000))
                .int("revision", revision)
        }
    }]
}

/// The hardware and the names of the computer.
pub(super) fn system_info(host: &Host, _: Timestamp) -> Vec<Row> {
    let machine = host.machine;
    let short_name = host.hostname.split('.').next().unwrap_or_default();
    vec![
        Row::new()
            .text("hostname", host.hostname.as_str())
            .text("uuid", host.uuid.as_str())
            .text("cpu_type", machine.cpu_type)
            .text("cpu_subtype", if host.platform == Platform::Darwin { "ARM64E" } else { "106" })
            .text("cpu_brand", machine.cpu_brand)
            .int("cpu_physical_cores", machine.cores)
            .int("cpu_logical_cores", machine.threads)
            .int("cpu_sockets", 1)
            .text("cpu_microcode", if host.platform == Platform::Linux { "0xd0003f5" } else { "" })
            .int("physical_memory", machine.memory << 30)
            .text("hardware_vendor", machine.vendor)
            .text("hardware_model", machine.model)
            .text("hardware_version", "")
            .text("hardware_serial", host.serial.as_str())
            .text("board_vendor", machine.vendor)
            .text("board_model", "")
            .text("board_version", "")
            .text("board_serial", "")
            .text("computer_name", short_name)
            .text("local_hostname", short_name),
    ]
}

/// The agent.
pub(super) fn osquery_info(host: &Host, now: Timestamp) -> Vec<Row> {
    let agent = processes::agent(host);
    let (build_platform, build_distro) = match host.platform {
        Platform::Linux => ("linux", "centos7"),
        Platform::Darwin => ("darwin", "10.14"),
        Platform::Windows => ("windows", "10"),
    };
    vec![
        Row::new()
            .int("pid", agent.worker)
            .text("uuid", host.uuid.as_str())
            .text("instance_id", host.instance_id())
            .text("version", host.osquery.to_string())
            .text("config_hash", "")
            .int("config_valid", 1)
            .text("extensions", "active")
            .text("build_platform", build_platform)
            .text("build_distro", build_distro)
            .int("start_time", host.started(now) + 30)
            .int("watcher", agent.watcher)
            .int("platform_mask", host.platform.mask()),
    ]
}

/// The firmware.
pub(super) fn platform_info(host: &Host, _: Timestamp) -> Vec<Row> {
    let row = Row::new()
        .text("vendor", host.machine.vendor)
        .text("version", host.machine.firmware)
        .text("date", "04/18/2025")
        .text("revision", "1.16")
        .text("extra", "")
        .text("firmware_type", if host.platform == Platform::Darwin { "iboot" } else { "uefi" });
    vec![match host.platform {
        Platform::Windows => row,
        Platform::Linux | Platform::Darwin => {
            row.text("address", "0xf0000").text("size", "16777216").int("volume_size", 0)
        }
    }]
}

/// The time since the start.
pub(super) fn uptime(host: &Host, now: Timestamp) -> Vec<Row> {
    let seconds = host.uptime(now);
    vec![
        Row::new()
            .int("days", seconds / 86_400)
            .int("hours", seconds / 3_600 % 24)
            .int("minutes", seconds / 60 % 60)
            .int("seconds", seconds % 60)
            .int("total_seconds", seconds),
    ]
}

/// The kernel.
pub(super) fn kernel_info(host: &Host, _: Timestamp) -> Vec<Row> {
    let kernel = host.os.kernel;
    let disk = host.draw("disk").uuid();
    let (arguments, path, device) = match host.platform {
        Platform::Linux => ("ro quiet".to_owned(), format!("/boot/vmlinuz-{kernel}"), format!("UUID={disk}")),
        Platform::Darwin => (String::new(), "/System/Library/Kernels/kernel".to_owned(), disk.to_uppercase()),
        Platform::Windows => (
            "NOEXECUTE=OPTIN".to_owned(),
            "C:\\Windows\\System32\\ntoskrnl.exe".to_owned(),
            "multi(0)disk(0)rdisk(0)partition(3)".to_owned(),
        ),
    };
    vec![
        Row::new()
            .text("version", kernel)
            .text("arguments", arguments)
            .text("path", path)
            .text("device", device),
    ]
}

/// The clock, in UTC.
pub(super) fn time(host: &Host, now: Timestamp) -> Vec<Row> {
    let utc = DateTime::from_timestamp_millis(now.0).unwrap_or_default();
    let iso = utc.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let row = Row::new()
        .text("weekday", utc.format("%A").to_string())
        .int("year", utc.year())
        .int("month", utc.month())
        .int("day", utc.day())
        .int("hour", utc.hour())
        .int("minutes", utc.minute())
        .int("seconds", utc.second())
        .text("timezone", "UTC")
        .text("local_timezone", "UTC")
        .int("unix_time", now.0 / 1000)
        .text("timestamp", utc.format("%a %b %e %H:%M:%S %Y UTC").to_string())
        .text("datetime", iso.as_str())
        .text("iso_8601", iso.as_str());
    vec![match host.platform {
        // Hundreds of nanoseconds since 1601.
        Platform::Windows => row.int("win_timestamp", (now.0 / 1000 + 11_644_473_600) * 10_000_000),
        Platform::Linux | Platform::Darwin => row,
    }]
}

/// The architecture as `os_version` names it.
fn arch(host: &Host) -> &'static str {
    match host.platform {
        Platform::Linux => "x86_64",
        Platform::Darwin => "arm64",
        Platform::Windows => "64-bit",
    }
}
