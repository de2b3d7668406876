//! Section `metrics`: who may read them.

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Secret;

/// Who may read the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// What `/metrics` is read with; none: nothing is asked.
    pub token: Option<Secret>,
}

impl Metrics {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { token: values.get("metrics.token")? })
    }
}
