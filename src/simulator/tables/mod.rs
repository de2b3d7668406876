//! The tables of a simulated host: for each a function from the host and the time to rows.
//!
//! Names, columns, order and types are osquery's own: facts from its table specifications (copyright The osquery
//! authors, Apache-2.0), kept in `facts.txt`. The rows are made up.

mod accounts;
mod browser;
mod disks;
mod daemon;
mod facts;
mod jobs;
mod memory;
mod network;
mod packages;
mod processes;
mod programs;
mod software;
mod system;

use rusqlite::types::Value;

use crate::clock::Timestamp;

use super::host::Host;

pub(super) use facts::{Column, Table, of_platform};

/// Makes the rows of one table.
pub(super) type Generator = fn(&Host, Timestamp) -> Vec<Row>;

/// The values of a row by column, in the table's order; columns left out are NULL.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row(Vec<(&'static str, Value)>);

impl Row {
    /// A row without values.
    fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    fn text(mut self, column: &'static str, value: impl Into<String>) -> Self {
        self.0.push((column, Value::Text(value.into())));
        self
    }

    /// Adds an integer.
    fn int(mut self, column: &'static str, value: impl Into<i64>) -> Self {
        self.0.push((column, Value::Integer(value.into())));
        self
    }

    /// Adds a floating-point number.
    fn real(mut self, column: &'static str, value: f64) -> Self {
        self.0.push((column, Value::Real(value)));
        self
    }

    /// The values in the order of `columns`.
    pub(super) fn into_values(self, columns: &[Column]) -> Vec<Value> {
        let mut given = self.0.into_iter().peekable();
        columns
            .iter()
            .map(|column| {
                given.next_if(|(name, _)| *name == column.name).map_or(Value::Null, |(_, value)| value)
            })
            .collect()
    }
}

/// What makes the rows of `table`; `None` if there is no such table.
pub(super) fn generator(table: &str) -> Option<Generator> {
    Some(match table {
        "apps" => packages::apps,
        "chrome_extensions" => browser::chrome_extensions,
        "crontab" => jobs::crontab,
        "deb_packages" => packages::deb_packages,
        "etc_hosts" => network::etc_hosts,
        "groups" => accounts::groups,
        "homebrew_packages" => packages::homebrew_packages,
        "interface_addresses" => network::interface_addresses,
        "interface_details" => network::interface_details,
        "kernel_info" => system::kernel_info,
        "logical_drives" => disks::logical_drives,
        "listening_ports" => processes::listening_ports,
        "logged_in_users" => accounts::logged_in_users,
        "memory_info" => memory::memory_info,
        "mounts" => disks::mounts,
        "os_version" => system::os_version,
        "osquery_flags" => daemon::osquery_flags,
        "osquery_schedule" => daemon::osquery_schedule,
        "virtual_memory_info" => memory::virtual_memory_info,
        "osquery_info" => system::osquery_info,
        "platform_info" => system::platform_info,
        "processes" => processes::processes,
        "programs" => packages::programs,
        "rpm_packages" => packages::rpm_packages,
        "scheduled_tasks" => jobs::scheduled_tasks,
        "services" => jobs::services,
        "startup_items" => jobs::startup_items,
        "system_info" => system::system_info,
        "time" => system::time,
        "uptime" => system::uptime,
        "user_groups" => accounts::user_groups,
        "users" => accounts::users,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
