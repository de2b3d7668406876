//! What simulated hosts are made of: operating systems, machines and names that exist.

use super::host::Platform;

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

/// A model of computer, as `system_info` shows it; memory in GiB.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) vendor: &'static str,
    pub(crate) model: &'static str,
    pub(crate) cpu_type: &'static str,
    pub(crate) cpu_brand: &'static str,
    pub(crate) cores: i64,
    pub(crate) threads: i64,
    pub(crate) memory: i64,
    pub(crate) firmware: &'static str,
}

/// A version of osquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u16, pub(crate) u16, pub(crate) u16);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Versions that are in use.
pub(crate) const CURRENT: [Version; 5] =
    [Version(5, 23, 1), Version(5, 23, 1), Version(5, 22, 1), Version(5, 19, 0), Version(5, 10, 2)];

/// Versions of the old wire format.
pub(crate) const OLD: [Version; 2] = [Version(3, 1, 0), Version(4, 3, 0)];

/// First names, for accounts and computers.
pub(crate) const PEOPLE: [&str; 24] = [
    "ada",
    "alan",
    "barbara",
    "chen",
    "dennis",
    "edsger",
    "frances",
    "grace",
    "hedy",
    "ines",
    "joan",
    "katherine",
    "ken",
    "linus",
    "margaret",
    "niklaus",
    "olga",
    "priya",
    "radia",
    "sofia",
    "tariq",
    "ursula",
    "wei",
    "yuki",
];

/// What servers are for.
pub(crate) const ROLES: [&str; 10] =
    ["web", "api", "db", "cache", "build", "mail", "queue", "search", "proxy", "batch"];

/// The operating systems of a platform.
pub(crate) fn systems(platform: Platform) -> &'static [Os] {
    match platform {
        Platform::Linux => &LINUX,
        Platform::Darwin => &DARWIN,
        Platform::Windows => &WINDOWS,
    }
}

/// The computers of a platform.
pub(crate) fn machines(platform: Platform) -> &'static [Machine] {
    match platform {
        Platform::Linux => &SERVERS,
        Platform::Darwin => &MACS,
        Platform::Windows => &PCS,
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

const SERVERS: [Machine; 3] = [
    Machine {
        vendor: "Dell Inc.",
        model: "PowerEdge R650",
        cpu_type: "x86_64",
        cpu_brand: "Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz",
        cores: 16,
        threads: 32,
        memory: 128,
        firmware: "1.16.2",
    },
    Machine {
        vendor: "QEMU",
        model: "Standard PC (Q35 + ICH9, 2009)",
        cpu_type: "x86_64",
        cpu_brand: "AMD EPYC 7763 64-Core Processor",
        cores: 4,
        threads: 8,
        memory: 32,
        firmware: "rel-1.16.3-0",
    },
    Machine {
        vendor: "Amazon EC2",
        model: "m7i.xlarge",
        cpu_type: "x86_64",
        cpu_brand: "Intel(R) Xeon(R) Platinum 8488C",
        cores: 2,
        threads: 4,
        memory: 16,
        firmware: "1.0",
    },
];

const MACS: [Machine; 3] = [
    Machine {
        vendor: "Apple Inc.",
        model: "MacBookPro18,3",
        cpu_type: "arm64e",
        cpu_brand: "Apple M1 Pro",
        cores: 10,
        threads: 10,
        memory: 16,
        firmware: "13822.41.1",
    },
    Machine {
        vendor: "Apple Inc.",
        model: "Mac15,6",
        cpu_type: "arm64e",
        cpu_brand: "Apple M3 Pro",
        cores: 12,
        threads: 12,
        memory: 36,
        firmware: "13822.41.1",
    },
    Machine {
        vendor: "Apple Inc.",
        model: "Mac16,12",
        cpu_type: "arm64e",
        cpu_brand: "Apple M4",
        cores: 10,
        threads: 10,
        memory: 24,
        firmware: "13822.41.1",
    },
];

const PCS: [Machine; 3] = [
    Machine {
        vendor: "LENOVO",
        model: "21HM002DUS",
        cpu_type: "x86_64",
        cpu_brand: "13th Gen Intel(R) Core(TM) i7-1365U",
        cores: 10,
        threads: 12,
        memory: 32,
        firmware: "N3XET59W (1.34 )",
    },
    Machine {
        vendor: "Dell Inc.",
        model: "Latitude 7450",
        cpu_type: "x86_64",
        cpu_brand: "Intel(R) Core(TM) Ultra 7 165U",
        cores: 12,
        threads: 14,
        memory: 16,
        firmware: "1.12.0",
    },
    Machine {
        vendor: "HP",
        model: "HP EliteBook 845 14 inch G10 Notebook PC",
        cpu_type: "x86_64",
        cpu_brand: "AMD Ryzen 7 PRO 7840U w/ Radeon 780M Graphics",
        cores: 8,
        threads: 16,
        memory: 32,
        firmware: "V82 Ver. 01.09.00",
    },
];
