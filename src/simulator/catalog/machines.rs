//! Computers that exist.

use crate::simulator::host::Platform;

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

/// The computers of a platform.
pub(crate) fn machines(platform: Platform) -> &'static [Machine] {
    match platform {
        Platform::Linux => &SERVERS,
        Platform::Darwin => &MACS,
        Platform::Windows => &PCS,
    }
}

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
