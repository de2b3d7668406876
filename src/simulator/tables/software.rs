//! The software that simulated hosts have.

/// Something that can be installed.
pub(super) struct Package {
    /// The percentage of hosts that have it.
    pub(super) share: i64,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// A section or group (Debian, RPM), `formula` or `cask`, a bundle identifier, or a publisher.
    pub(super) extra: &'static str,
}

impl Package {
    /// A package by its fields, in their order.
    const fn new(share: i64, name: &'static str, version: &'static str, extra: &'static str) -> Self {
        Self { share, name, version, extra }
    }
}

/// Debian packages.
pub(super) const DEB: &[Package] = &[
    Package::new(100, "adduser", "3.137", "admin"),
    Package::new(100, "apt", "2.7.14build2", "admin"),
    Package::new(100, "bash", "5.2.21-2ubuntu4", "shells"),
    Package::new(100, "ca-certificates", "20240203", "misc"),
    Package::new(100, "coreutils", "9.4-3ubuntu6", "utils"),
    Package::new(90, "curl", "8.5.0-2ubuntu10.6", "web"),
    Package::new(60, "containerd.io", "1.7.28-1", "devel"),
    Package::new(60, "docker-ce", "5:28.5.1-1~ubuntu.24.04~noble", "admin"),
    Package::new(80, "git", "1:2.43.0-1ubuntu7.3", "vcs"),
    Package::new(100, "libc6", "2.39-0ubuntu8.6", "libs"),
    Package::new(100, "libssl3t64", "3.0.13-0ubuntu3.6", "libs"),
    Package::new(100, "linux-base", "4.5ubuntu9", "kernel"),
    Package::new(45, "nginx", "1.24.0-2ubuntu7.5", "httpd"),
    Package::new(100, "openssh-server", "1:9.6p1-3ubuntu13.14", "net"),
    Package::new(100, "openssl", "3.0.13-0ubuntu3.6", "utils"),
    Package::new(100, "osquery", "5.23.1-1.linux", "admin"),
    Package::new(20, "postgresql-16", "16.10-0ubuntu0.24.04.1", "database"),
    Package::new(100, "python3", "3.12.3-0ubuntu2", "python"),
    Package::new(20, "redis-server", "5:7.0.15-1ubuntu0.24.04.2", "database"),
    Package::new(100, "sudo", "1.9.15p5-3ubuntu5.24.04.1", "admin"),
    Package::new(100, "systemd", "255.4-1ubuntu8.11", "admin"),
    Package::new(100, "tar", "1.35+dfsg-3build1", "utils"),
    Package::new(70, "vim", "2:9.1.0016-1ubuntu7.9", "editors"),
    Package::new(4, "xz-utils", "5.6.1-1", "utils"),
];

/// RPM packages.
pub(super) const RPM: &[Package] = &[
    Package::new(100, "bash", "5.1.8-9.el9", "System"),
    Package::new(100, "coreutils", "8.32-39.el9", "System"),
    Package::new(90, "curl", "7.76.1-34.el9", "Applications"),
    Package::new(100, "glibc", "2.34-168.el9_6.23", "System"),
    Package::new(80, "git", "2.47.3-1.el9_6", "Development"),
    Package::new(100, "kernel", "5.14.0-570.49.1.el9_6", "System"),
    Package::new(45, "nginx", "1.20.1-22.el9_6.3", "Applications"),
    Package::new(100, "openssh-server", "8.7p1-45.el9", "System"),
    Package::new(100, "openssl", "3.2.2-6.el9_5.1", "System"),
    Package::new(100, "osquery", "5.23.1-1.linux", "Applications"),
    Package::new(60, "podman", "5.4.0-13.el9_6", "Applications"),
    Package::new(100, "python3", "3.9.21-2.el9_6.2", "Development"),
    Package::new(100, "rpm", "4.16.1.3-37.el9", "System"),
    Package::new(100, "sudo", "1.9.5p2-10.el9_6.2", "Applications"),
    Package::new(100, "systemd", "252-51.el9_6.2", "System"),
    Package::new(70, "vim-enhanced", "8.2.2637-22.el9_6.1", "Applications"),
];

/// Formulas and casks of Homebrew.
pub(super) const BREW: &[Package] = &[
    Package::new(70, "git", "2.52.0", "formula"),
    Package::new(60, "jq", "1.8.1", "formula"),
    Package::new(50, "node", "25.2.1", "formula"),
    Package::new(50, "openssl@3", "3.6.0", "formula"),
    Package::new(40, "python@3.13", "3.13.9", "formula"),
    Package::new(30, "ripgrep", "15.1.0", "formula"),
    Package::new(30, "wget", "1.25.0", "formula"),
    Package::new(20, "rectangle", "0.90", "cask"),
];

/// Applications of macOS.
pub(super) const APPS: &[Package] = &[
    Package::new(100, "Safari", "26.1", "com.apple.Safari"),
    Package::new(100, "Mail", "16.0", "com.apple.mail"),
    Package::new(90, "Google Chrome", "142.0.7444.176", "com.google.Chrome"),
    Package::new(60, "Slack", "4.47.59", "com.tinyspeck.slackmacgap"),
    Package::new(50, "Visual Studio Code", "1.106.2", "com.microsoft.VSCode"),
    Package::new(40, "1Password", "8.11.20", "com.1password.1password"),
    Package::new(40, "Docker", "4.52.0", "com.docker.docker"),
    Package::new(50, "zoom.us", "6.6.9", "us.zoom.xos"),
    Package::new(20, "Rectangle", "0.90", "com.knollsoft.Rectangle"),
    Package::new(30, "Firefox", "145.0.1", "org.mozilla.firefox"),
];

/// Programs of Windows.
pub(super) const MSI: &[Package] = &[
    Package::new(95, "Google Chrome", "142.0.7444.176", "Google LLC"),
    Package::new(95, "Microsoft Edge", "142.0.3595.94", "Microsoft Corporation"),
    Package::new(80, "Microsoft 365 Apps for enterprise", "16.0.19328.20190", "Microsoft Corporation"),
    Package::new(100, "osquery", "5.23.1", "osquery"),
    Package::new(60, "Microsoft Visual C++ 2022 X64 Minimum Runtime", "14.44.35211", "Microsoft Corporation"),
    Package::new(40, "7-Zip 25.01 (x64 edition)", "25.01.00.0", "Igor Pavlov"),
    Package::new(40, "Zoom Workplace (64-bit)", "6.6.11.23272", "Zoom"),
    Package::new(30, "Notepad++ (64-bit x64)", "8.8.8", "Notepad++ Team"),
    Package::new(20, "Git", "2.52.0", "The Git Development Community"),
];
