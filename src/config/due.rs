//! Section `due`: what every host is asked now and then.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;

/// What every host is asked now and then.
#[derive(Clone, Debug)]
pub struct Due {
    /// How often a host is asked for its vitals; zero for never.
    pub vitals_interval: Duration,
    /// How often a host is asked for its labels by SQL; zero for never.
    pub labels_interval: Duration,
    /// How often a host is asked for its policies; zero for never.
    pub policies_interval: Duration,
    /// How long is kept how hosts stood to policies before.
    pub policy_history: Duration,
    /// Such queries handed out in one check-in at most.
    pub max_queries: usize,
}

impl Due {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            vitals_interval: values.get("due.vitals_interval")?,
            labels_interval: values.get("due.labels_interval")?,
            policies_interval: values.get("due.policies_interval")?,
            policy_history: values.get("due.policy_history")?,
            max_queries: values.get("due.max_queries")?,
        })
    }
}
