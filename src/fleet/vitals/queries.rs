//! The detail queries, by platform.
//!
//! Tables and columns are facts of osquery's specifications. `select *` stands where versions of osquery differ in their
//! columns: naming one that a host lacks would lose the others, too.

use crate::clock::Timestamp;
use crate::fleet::due::{DueItem, Platform};
use crate::fleet::schedule::LabelScope;

/// A vital.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vital {
    /// The file systems.
    Disks,
    /// The flags of the agent that are not at their default, and those that tell its intervals.
    Flags,
    /// The addresses, by interface.
    Interfaces,
    /// The memory in use.
    Memory,
    /// The operating system.
    OsVersion,
    /// The agent.
    OsqueryInfo,
    /// How the schedule of the agent fares.
    Schedule,
    /// The machine.
    SystemInfo,
    /// The time since the start.
    Uptime,
    /// The accounts.
    Users,
}

/// Where a query can be answered.
const ANYWHERE: &[Platform] = &[];
const POSIX: &[Platform] = &[Platform::Linux, Platform::Darwin, Platform::Freebsd];

/// Every vital: its key, and its SQL for platforms.
const QUERIES: &[(Vital, &str, &[Platform], &str)] = &[
    (
        Vital::Disks,
        "disks",
        POSIX,
        "select path, device, type, blocks_size * blocks as size_bytes, \
         blocks_size * blocks_available as free_bytes from mounts where blocks > 0 limit 100",
    ),
    (
        Vital::Disks,
        "disks",
        &[Platform::Windows],
        "select device_id as path, description as device, file_system as type, size as size_bytes, \
         free_space as free_bytes, boot_partition from logical_drives where size > 0",
    ),
    (
        Vital::Flags,
        "flags",
        ANYWHERE,
        "select name, value from osquery_flags where value <> default_value or name in \
         ('distributed_interval', 'config_refresh', 'logger_tls_period', 'disable_distributed')",
    ),
    (
        Vital::Interfaces,
        "interfaces",
        ANYWHERE,
        "select a.interface, a.address, a.mask, d.mac from interface_addresses as a \
         join interface_details as d on d.interface = a.interface limit 200",
    ),
    (Vital::Memory, "memory", &[Platform::Linux], "select * from memory_info"),
    (Vital::Memory, "memory", &[Platform::Darwin], "select * from virtual_memory_info"),
    (Vital::OsVersion, "os_version", ANYWHERE, "select * from os_version limit 1"),
    (Vital::OsqueryInfo, "osquery_info", ANYWHERE, "select * from osquery_info limit 1"),
    (Vital::Schedule, "schedule", ANYWHERE, "select * from osquery_schedule limit 500"),
    (Vital::SystemInfo, "system_info", ANYWHERE, "select * from system_info limit 1"),
    (Vital::Uptime, "uptime", ANYWHERE, "select total_seconds from uptime limit 1"),
    (
        Vital::Users,
        "users",
        POSIX,
        "select uid, gid, username, description, directory, shell from users limit 1000",
    ),
    (
        Vital::Users,
        "users",
        &[Platform::Windows],
        "select uid, gid, username, description, directory, shell, type from users limit 1000",
    ),
];

impl Vital {
    /// The vital of a key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        QUERIES.iter().find(|(_, known, _, _)| *known == key).map(|(vital, ..)| *vital)
    }

    /// Whether its rows are kept as they come; the others are columns, or rows of their own.
    pub(super) fn is_kept_as_json(self) -> bool {
        !matches!(self, Self::Schedule | Self::Uptime)
    }
}

/// What every host is asked by the server itself.
pub(super) fn built_in() -> impl Iterator<Item = DueItem> {
    QUERIES.iter().map(|(_, key, platforms, sql)| DueItem {
        key: (*key).into(),
        sql: (*sql).into(),
        platforms: platforms.to_vec(),
        team: None,
        labels: LabelScope::default(),
        since: Timestamp(0),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sql;

    #[test]
    fn every_platform_is_asked_each_vital_once() {
        for platform in Platform::ALL {
            let asked: Vec<_> = built_in()
                .filter(|item| item.is_for(*platform, entity::id::TeamId::NONE, &[]))
                .map(|item| item.key)
                .collect();
            assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len(), "{platform}: {asked:?}");
            assert!(asked.len() >= 7, "{platform}");
        }
    }

    #[test]
    fn what_is_asked_is_sql_that_the_lint_takes() {
        for item in built_in() {
            assert!(sql::lint(&item.sql).is_ok(), "{}", item.sql);
        }
    }
}
