//! Operating systems that exist.

use crate::simulator::host::Platform;

/// How an operating system installs its software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packaging {
    /// Debian packages.
    Deb,
    /// RPM packages.
    Rpm,
    /// Applications and Homebrew.
    Brew,
    /// Windows Installer.
    Msi,
}

/// A release of an operating system, as `os_version` and `kernel_info` show it.
#[derive(Debug)]
pub(crate) struct Os {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) numbers: [i64; 3],
    pub(crate) build: &'static str,
    pub(crate) platform: &'static str,
    pub(crate) platform_like: &'static str,
    pub(crate) codename: &'static str,
    pub(crate) kernel: &'static str,
    pub(crate) packaging: Packaging,
}

/// The operating systems of a platform.
pub(crate) fn systems(platform: Platform) -> &'static [Os] {
    match platform {
        Platform::Linux => &LINUX,
        Platform::Darwin => &DARWIN,
        Platform::Windows => &WINDOWS,
    }
}

const LINUX: [Os; 5] = [
    Os {
        name: "Ubuntu",
        version: "24.04.3 LTS (Noble Numbat)",
        numbers: [24, 4, 3],
        build: "",
        platform: "ubuntu",
        platform_like: "debian",
        codename: "noble",
        kernel: "6.8.0-85-generic",
        packaging: Packaging::Deb,
    },
    Os {
        name: "Ubuntu",
        version: "22.04.5 LTS (Jammy Jellyfish)",
        numbers: [22, 4, 5],
        build: "",
        platform: "ubuntu",
        platform_like: "debian",
        codename: "jammy",
        kernel: "5.15.0-157-generic",
        packaging: Packaging::Deb,
    },
    Os {
        name: "Debian GNU/Linux",
        version: "12 (bookworm)",
        numbers: [12, 0, 0],
        build: "",
        platform: "debian",
        platform_like: "",
        codename: "bookworm",
        kernel: "6.1.0-40-amd64",
        packaging: Packaging::Deb,
    },
    Os {
        name: "Rocky Linux",
        version: "9.6 (Blue Onyx)",
        numbers: [9, 6, 0],
        build: "",
        platform: "rocky",
        platform_like: "rhel centos fedora",
        codename: "",
        kernel: "5.14.0-570.49.1.el9_6.x86_64",
        packaging: Packaging::Rpm,
    },
    Os {
        name: "Red Hat Enterprise Linux",
        version: "9.6 (Plow)",
        numbers: [9, 6, 0],
        build: "",
        platform: "rhel",
        platform_like: "fedora",
        codename: "",
        kernel: "5.14.0-570.52.1.el9_6.x86_64",
        packaging: Packaging::Rpm,
    },
];

const DARWIN: [Os; 3] = [
    Os {
        name: "macOS",
        version: "26.1",
        numbers: [26, 1, 0],
        build: "25B78",
        platform: "darwin",
        platform_like: "darwin",
        codename: "",
        kernel: "25.1.0",
        packaging: Packaging::Brew,
    },
    Os {
        name: "macOS",
        version: "15.7.2",
        numbers: [15, 7, 2],
        build: "24G325",
        platform: "darwin",
        platform_like: "darwin",
        codename: "",
        kernel: "24.6.0",
        packaging: Packaging::Brew,
    },
    Os {
        name: "macOS",
        version: "14.8.2",
        numbers: [14, 8, 2],
        build: "23J126",
        platform: "darwin",
        platform_like: "darwin",
        codename: "",
        kernel: "23.6.0",
        packaging: Packaging::Brew,
    },
];

const WINDOWS: [Os; 3] = [
    Os {
        name: "Microsoft Windows 11 Pro",
        version: "10.0.26100",
        numbers: [10, 0, 0],
        build: "26100",
        platform: "windows",
        platform_like: "windows",
        codename: "Microsoft Windows 11 Pro",
        kernel: "10.0.26100.7171",
        packaging: Packaging::Msi,
    },
    Os {
        name: "Microsoft Windows 11 Enterprise",
        version: "10.0.22631",
        numbers: [10, 0, 0],
        build: "22631",
        platform: "windows",
        platform_like: "windows",
        codename: "Microsoft Windows 11 Enterprise",
        kernel: "10.0.22631.6199",
        packaging: Packaging::Msi,
    },
    Os {
        name: "Microsoft Windows Server 2022 Standard",
        version: "10.0.20348",
        numbers: [10, 0, 0],
        build: "20348",
        platform: "windows",
        platform_like: "windows",
        codename: "Microsoft Windows Server 2022 Standard",
        kernel: "10.0.20348.4405",
        packaging: Packaging::Msi,
    },
];
