//! Section `activity`: the audit trail.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;

/// The audit trail.
#[derive(Clone, Debug)]
pub struct Activity {
    /// How long its entries are kept.
    pub retention: Duration,
}

impl Activity {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { retention: values.get("activity.retention")? })
    }
}
