//! Processes and the ports they listen on.

use crate::clock::Timestamp;

use super::super::host::{Host, Platform};
use super::programs::{self, Program};
use super::{Row, accounts};

/// A running process.
struct Process {
    pid: i64,
    parent: i64,
    program: &'static Program,
}

/// The process ids of the agent.
pub(super) struct Agent {
    /// The one that works.
    pub(super) worker: i64,
    /// The one that watches it.
    pub(super) watcher: i64,
}

/// The process ids of the host's agent; -1 if it does not run.
pub(super) fn agent(host: &Host) -> Agent {
    let all = running(host);
    let mut own = all.iter().filter(|process| process.program.name().starts_with("osqueryd"));
    let watcher = own.next().map_or(-1, |process| process.pid);
    Agent { worker: own.next().map_or(watcher, |process| process.pid), watcher }
}

/// What runs on a host, parents first.
fn running(host: &Host) -> Vec<Process> {
    let mut draw = host.draw("processes");
    let mut pid = if host.platform == Platform::Windows { 4 } else { 1 };
    let mut running: Vec<Process> = Vec::new();
    for program in programs::of(host.platform) {
        let chosen = draw.between(0, 100) < program.share;
        let step = draw.between(1, 60) * if host.platform == Platform::Windows { 4 } else { 1 };
        let parent = running.iter().find(|process| process.program.name() == program.parent);
        if chosen && (parent.is_some() || running.is_empty()) {
            running.push(Process { pid, parent: parent.map_or(0, |process| process.pid), program });
            pid += step;
        }
    }
    running
}

/// The processes.
pub(super) fn processes(host: &Host, now: Timestamp) -> Vec<Row> {
    let accounts = accounts::accounts(host);
    let started = host.started(now);
    running(host)
        .iter()
        .map(|process| {
            let account = account(host, process.program);
            let ids = accounts
                .iter()
                .find(|known| known.name == account)
                .map_or((0, 0), |known| (known.uid, known.gid));
            row(host, process, ids, started)
        })
        .collect()
}

/// The row of a process of an account, on a host started at `started`.
fn row(host: &Host, process: &Process, (uid, gid): (i64, i64), started: i64) -> Row {
    let program = process.program;
    let mut draw = host.draw(program.path);
    let resident = draw.between(2_000, 400_000) << 10;
    let cpu = draw.between(10, 600_000);
    let start = started + process.pid % 4_000 / 10;
    let row = Row::new()
        .int("pid", process.pid)
        .text("name", program.name())
        .text("path", program.path)
        .text("cmdline", format!("{} {}", program.path, program.arguments).trim_end())
        .text("state", if host.platform == Platform::Windows { "STILL_ACTIVE" } else { "S" })
        .text("cwd", if host.platform == Platform::Windows { "C:\\Windows\\System32" } else { "/" })
        .text("root", if host.platform == Platform::Windows { "" } else { "/" });
    let row = ["uid", "gid", "euid", "egid", "suid", "sgid"]
        .into_iter()
        .fold(row, |row, column| row.int(column, if column.ends_with("uid") { uid } else { gid }))
        .int("on_disk", 1)
        .int("wired_size", 0)
        .int("resident_size", resident)
        .int("total_size", resident * 6)
        .int("user_time", cpu)
        .int("system_time", cpu / 3)
        .int("disk_bytes_read", draw.between(0, 1 << 28))
        .int("disk_bytes_written", draw.between(0, 1 << 26))
        .int("start_time", start)
        .int("parent", process.parent)
        .int("pgroup", process.pid)
        .int("threads", draw.between(1, 40))
        .int("nice", 0);
    of_platform(host, process, row)
}

/// Adds the columns that only one platform has.
fn of_platform(host: &Host, process: &Process, row: Row) -> Row {
    match host.platform {
        Platform::Linux => {
            row.text("cgroup_path", format!("/system.slice/{}.service", process.program.name()))
        }
        Platform::Darwin => row
            .int("upid", process.pid * 7)
            .int("uppid", process.parent * 7)
            .int("cpu_type", 16_777_228)
            .int("cpu_subtype", 2)
            .int("translated", 0),
        Platform::Windows => row
            .int("elevated_token", i64::from(process.program.account == "SYSTEM"))
            .int("secure_process", 0)
            .text("protection_type", "")
            .int("virtual_process", 0)
            .int("elapsed_time", -1)
            .int("handle_count", process.pid % 900 + 40)
            .int("percent_processor_time", 0),
    }
}

/// The ports that processes listen on, tcp as 6 and udp as 17, on all IPv4 addresses.
pub(super) fn listening_ports(host: &Host, _: Timestamp) -> Vec<Row> {
    let running = running(host);
    let listening = running.iter().flat_map(|process| {
        process.program.ports.split(',').filter_map(move |port| Some((process.pid, parse_port(port)?)))
    });
    listening
        .zip(0_i64..)
        .map(|((pid, (port, protocol)), number)| {
            let row = Row::new()
                .int("pid", pid)
                .int("port", port)
                .int("protocol", protocol)
                .int("family", 2)
                .text("address", "0.0.0.0")
                .int("fd", number % 9 + 3)
                .int("socket", 20_000 + pid * 11 + number)
                .text("path", "");
            if host.platform == Platform::Linux { row.text("net_namespace", "4026531840") } else { row }
        })
        .collect()
}

/// A port and its IP protocol; a `u` at the end means udp.
fn parse_port(text: &str) -> Option<(i64, i64)> {
    let (digits, protocol) = text.strip_suffix('u').map_or((text, 6), |digits| (digits, 17));
    Some((digits.parse().ok()?, protocol))
}

/// The account that runs a program on a host.
fn account(host: &Host, program: &Program) -> &'static str {
    if program.account.is_empty() { host.person } else { program.account }
}
