//! The programs that simulated hosts run, parents first.

use super::super::host::Platform;

/// A program that some hosts run.
pub(super) struct Program {
    /// The account it runs under; empty for the main person's.
    pub(super) account: &'static str,
    /// The name of the program that started it; empty for the first one.
    pub(super) parent: &'static str,
    /// The percentage of hosts that run it, where its parent runs.
    pub(super) share: i64,
    /// The ports it listens on, separated by commas: tcp, or udp if they end in `u`.
    pub(super) ports: &'static str,
    pub(super) path: &'static str,
    pub(super) arguments: &'static str,
}

impl Program {
    /// A program by its fields, in their order.
    const fn new(
        account: &'static str,
        parent: &'static str,
        share: i64,
        ports: &'static str,
        path: &'static str,
        arguments: &'static str,
    ) -> Self {
        Self { account, parent, share, ports, path, arguments }
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit(['/', '\\']).next().unwrap_or(self.path)
    }
}

/// The programs of a platform.
pub(super) fn of(platform: Platform) -> &'static [Program] {
    match platform {
        Platform::Linux => LINUX,
        Platform::Darwin => DARWIN,
        Platform::Windows => WINDOWS,
    }
}

const LINUX: &[Program] = &[
    Program::new("root", "", 100, "", "/usr/lib/systemd/systemd", "--system --deserialize=47"),
    Program::new("root", "systemd", 100, "", "/usr/lib/systemd/systemd-journald", ""),
    Program::new("root", "systemd", 100, "", "/usr/lib/systemd/systemd-udevd", ""),
    Program::new("root", "systemd", 100, "", "/usr/lib/systemd/systemd-logind", ""),
    Program::new("root", "systemd", 100, "53,53u", "/usr/lib/systemd/systemd-resolved", ""),
    Program::new("root", "systemd", 100, "", "/usr/sbin/cron", "-f -P"),
    Program::new("root", "systemd", 100, "", "/usr/bin/dbus-daemon", "--system --nofork"),
    Program::new("root", "systemd", 100, "22", "/usr/sbin/sshd", "-D"),
    Program::new("root", "systemd", 100, "", "/usr/sbin/rsyslogd", "-n -iNONE"),
    Program::new("root", "systemd", 95, "123u", "/usr/sbin/chronyd", "-F 1"),
    Program::new(
        "root",
        "systemd",
        100,
        "",
        "/opt/osquery/bin/osqueryd",
        "--flagfile=/etc/osquery/osquery.flags",
    ),
    Program::new("root", "osqueryd", 100, "", "/opt/osquery/bin/osqueryd", ""),
    Program::new("root", "systemd", 60, "", "/usr/bin/containerd", ""),
    Program::new("root", "systemd", 60, "", "/usr/bin/dockerd", "-H fd://"),
    Program::new("root", "systemd", 45, "80,443", "/usr/sbin/nginx", "-g daemon on;"),
    Program::new("www-data", "nginx", 45, "", "/usr/sbin/nginx", ""),
    Program::new(
        "root",
        "systemd",
        20,
        "5432",
        "/usr/lib/postgresql/16/bin/postgres",
        "-D /var/lib/postgresql/16/main",
    ),
    Program::new("root", "systemd", 20, "6379", "/usr/bin/redis-server", "127.0.0.1:6379"),
    Program::new("root", "systemd", 40, "9100", "/usr/local/bin/node_exporter", ""),
    Program::new("root", "systemd", 15, "25", "/usr/lib/postfix/sbin/master", "-w"),
    Program::new("", "systemd", 30, "8080", "/usr/bin/python3", "-m app.server"),
    Program::new("", "sshd", 70, "", "/bin/bash", ""),
    Program::new("", "bash", 40, "", "/usr/bin/vim", "notes.txt"),
    Program::new("", "bash", 5, "4444", "/usr/bin/nc", "-l -p 4444"),
];

const DARWIN: &[Program] = &[
    Program::new("root", "", 100, "", "/sbin/launchd", ""),
    Program::new("root", "launchd", 100, "", "/usr/libexec/logd", ""),
    Program::new("root", "launchd", 100, "", "/usr/libexec/configd", ""),
    Program::new("root", "launchd", 100, "", "/usr/sbin/notifyd", ""),
    Program::new("root", "launchd", 100, "5353u", "/usr/sbin/mDNSResponder", ""),
    Program::new("root", "launchd", 100, "", "/usr/libexec/opendirectoryd", ""),
    Program::new(
        "root",
        "launchd",
        100,
        "",
        "/System/Library/PrivateFrameworks/SkyLight.framework/Resources/WindowServer",
        "-daemon",
    ),
    Program::new(
        "root",
        "launchd",
        100,
        "",
        "/opt/osquery/lib/osquery.app/Contents/MacOS/osqueryd",
        "--flagfile=/var/osquery/osquery.flags",
    ),
    Program::new("root", "osqueryd", 100, "", "/opt/osquery/lib/osquery.app/Contents/MacOS/osqueryd", ""),
    Program::new("", "launchd", 100, "", "/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", ""),
    Program::new("", "launchd", 100, "", "/System/Library/CoreServices/Dock.app/Contents/MacOS/Dock", ""),
    Program::new(
        "",
        "launchd",
        100,
        "7000",
        "/System/Library/CoreServices/ControlCenter.app/Contents/MacOS/ControlCenter",
        "",
    ),
    Program::new("", "launchd", 90, "", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", ""),
    Program::new("", "launchd", 60, "", "/Applications/Slack.app/Contents/MacOS/Slack", ""),
    Program::new("", "launchd", 50, "", "/Applications/Visual Studio Code.app/Contents/MacOS/Electron", ""),
    Program::new("", "launchd", 40, "", "/Applications/1Password.app/Contents/MacOS/1Password", ""),
    Program::new(
        "",
        "launchd",
        60,
        "",
        "/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal",
        "",
    ),
    Program::new("", "Terminal", 60, "", "/bin/zsh", "-l"),
    Program::new("", "zsh", 25, "3000", "/opt/homebrew/bin/node", "server.js"),
    Program::new("", "launchd", 8, "22", "/usr/sbin/sshd", "-i"),
];

const WINDOWS: &[Program] = &[
    Program::new("SYSTEM", "", 100, "", "C:\\Windows\\System32\\ntoskrnl.exe", ""),
    Program::new("SYSTEM", "ntoskrnl.exe", 100, "", "C:\\Windows\\System32\\smss.exe", ""),
    Program::new("SYSTEM", "smss.exe", 100, "", "C:\\Windows\\System32\\wininit.exe", ""),
    Program::new("SYSTEM", "wininit.exe", 100, "49664", "C:\\Windows\\System32\\services.exe", ""),
    Program::new("SYSTEM", "wininit.exe", 100, "49665", "C:\\Windows\\System32\\lsass.exe", ""),
    Program::new("SYSTEM", "services.exe", 100, "135", "C:\\Windows\\System32\\svchost.exe", "-k RPCSS -p"),
    Program::new(
        "SYSTEM",
        "services.exe",
        100,
        "5355u",
        "C:\\Windows\\System32\\svchost.exe",
        "-k NetworkService -p",
    ),
    Program::new(
        "SYSTEM",
        "services.exe",
        100,
        "445",
        "C:\\Windows\\System32\\svchost.exe",
        "-k LocalService",
    ),
    Program::new("SYSTEM", "services.exe", 100, "", "C:\\Windows\\System32\\spoolsv.exe", ""),
    Program::new(
        "SYSTEM",
        "services.exe",
        95,
        "",
        "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.25100.9008-0\\MsMpEng.exe",
        "",
    ),
    Program::new(
        "SYSTEM",
        "services.exe",
        100,
        "",
        "C:\\Program Files\\osquery\\osqueryd\\osqueryd.exe",
        "--flagfile=\"C:\\Program Files\\osquery\\osquery.flags\"",
    ),
    Program::new("SYSTEM", "osqueryd.exe", 100, "", "C:\\Program Files\\osquery\\osqueryd\\osqueryd.exe", ""),
    Program::new("SYSTEM", "wininit.exe", 100, "", "C:\\Windows\\System32\\winlogon.exe", ""),
    Program::new("", "winlogon.exe", 100, "", "C:\\Windows\\explorer.exe", ""),
    Program::new(
        "",
        "explorer.exe",
        80,
        "",
        "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        "",
    ),
    Program::new(
        "",
        "explorer.exe",
        70,
        "",
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE",
        "",
    ),
    Program::new("", "explorer.exe", 50, "", "C:\\Users\\Public\\Teams\\ms-teams.exe", ""),
    Program::new(
        "",
        "explorer.exe",
        30,
        "",
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
        "",
    ),
    Program::new("SYSTEM", "services.exe", 30, "3389", "C:\\Windows\\System32\\TermService.exe", ""),
];
