//! What hosts tell of themselves and people search and sort by.

use entity::hosts::Model;
use entity::id::HostId;
use sea_orm::sea_query::Values;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};

use crate::clock::Timestamp;
use crate::store::StoreError;

/// What a host told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The host.
    pub host: HostId,
    /// Host name.
    pub hostname: String,
    /// Hardware serial.
    pub serial_number: Option<String>,
    /// Operating system name and version.
    pub os_version: Option<String>,
    /// osquery version.
    pub osquery_version: Option<String>,
    /// Which installation of osquery it is.
    pub instance_id: Option<String>,
    /// Maker of the hardware.
    pub hardware_vendor: Option<String>,
    /// Model of the hardware.
    pub hardware_model: Option<String>,
    /// Name of the processor.
    pub cpu_brand: Option<String>,
    /// Logical processor cores.
    pub cpu_cores: Option<i32>,
    /// Physical memory in bytes.
    pub memory_bytes: Option<i64>,
    /// Its main address.
    pub primary_address: Option<String>,
    /// Hardware address of that interface.
    pub primary_mac: Option<String>,
    /// When the machine was started.
    pub booted_at: Option<Timestamp>,
    /// Size of its main file system.
    pub disk_total_bytes: Option<i64>,
    /// What is free of that.
    pub disk_free_bytes: Option<i64>,
    /// Seconds between its check-ins.
    pub check_in_interval_s: i32,
    /// Seconds between its fetches of the configuration.
    pub config_interval_s: Option<i32>,
    /// Seconds between its posts of log lines.
    pub log_interval_s: Option<i32>,
    /// Which configuration it says it runs: `osquery_info.config_hash`.
    pub config_hash: Option<String>,
    /// When another machine was noticed behind its identity.
    pub clone_suspected_at: Option<Timestamp>,
}

/// The columns, in the order of [`values`].
const COLUMNS: [&str; 20] = [
    "hostname",
    "serial_number",
    "os_version",
    "osquery_version",
    "instance_id",
    "hardware_vendor",
    "hardware_model",
    "cpu_brand",
    "cpu_cores",
    "memory_bytes",
    "primary_address",
    "primary_mac",
    "booted_at",
    "disk_total_bytes",
    "disk_free_bytes",
    "check_in_interval_s",
    "config_interval_s",
    "log_interval_s",
    "config_hash",
    "clone_suspected_at",
];

impl From<&Model> for Details {
    fn from(row: &Model) -> Self {
        let row = row.clone();
        Self {
            host: row.id,
            hostname: row.hostname,
            serial_number: row.serial_number,
            os_version: row.os_version,
            osquery_version: row.osquery_version,
            instance_id: row.instance_id,
            hardware_vendor: row.hardware_vendor,
            hardware_model: row.hardware_model,
            cpu_brand: row.cpu_brand,
            cpu_cores: row.cpu_cores,
            memory_bytes: row.memory_bytes,
            primary_address: row.primary_address,
            primary_mac: row.primary_mac,
            booted_at: row.booted_at,
            disk_total_bytes: row.disk_total_bytes,
            disk_free_bytes: row.disk_free_bytes,
            check_in_interval_s: row.check_in_interval_s,
            config_interval_s: row.config_interval_s,
            log_interval_s: row.log_interval_s,
            config_hash: row.config_hash,
            clone_suspected_at: row.clone_suspected_at,
        }
    }
}

/// Writes the details of hosts, at most some hundreds whose rows are locked, in one statement.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &DatabaseTransaction, details: &[Details]) -> Result<(), StoreError> {
    if details.is_empty() {
        return Ok(());
    }
    let width = COLUMNS.len() + 1;
    let row = |row: usize| {
        let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..details.len()).map(row).collect();
    let set: Vec<String> = COLUMNS
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{column} = told.column{}", place + 2))
        .collect();
    let sql = format!(
        "UPDATE hosts SET {} FROM (VALUES {}) AS told WHERE hosts.id = told.column1",
        set.join(", "),
        rows.join(", ")
    );
    let values = details.iter().cloned().flat_map(values).collect();
    let statement = Statement { sql, values: Some(Values(values)), db_backend: tx.get_database_backend() };
    tx.execute_raw(statement).await?;
    Ok(())
}

fn values(of: Details) -> [Value; COLUMNS.len() + 1] {
    let time = |at: Option<Timestamp>| Value::from(at.map(|at| at.0));
    [
        of.host.0.into(),
        of.hostname.into(),
        of.serial_number.into(),
        of.os_version.into(),
        of.osquery_version.into(),
        of.instance_id.into(),
        of.hardware_vendor.into(),
        of.hardware_model.into(),
        of.cpu_brand.into(),
        of.cpu_cores.into(),
        of.memory_bytes.into(),
        of.primary_address.into(),
        of.primary_mac.into(),
        time(of.booted_at),
        of.disk_total_bytes.into(),
        of.disk_free_bytes.into(),
        of.check_in_interval_s.into(),
        of.config_interval_s.into(),
        of.log_interval_s.into(),
        of.config_hash.into(),
        time(of.clone_suspected_at),
    ]
}
