//! Section `report`: the latest rows of scheduled queries.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;

/// The latest rows of scheduled queries.
#[derive(Clone, Debug)]
pub struct Report {
    /// How long a report is kept to which no line comes.
    pub retention: Duration,
    /// Rows of one query on one host at most; beyond, the oldest go, and are counted.
    pub max_rows: usize,
}

impl Report {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { retention: values.get("report.retention")?, max_rows: values.get("report.max_rows")? })
    }
}
