//! Section `tasks`: intervals of background work.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;

/// Intervals of background work.
#[derive(Clone, Debug)]
pub struct Tasks {
    /// How often the server looks for what other servers changed.
    pub changes_interval: Duration,
    /// How often last-seen times that are due are written.
    pub presence_interval: Duration,
    /// How often the server looks which hosts came online or went offline.
    pub statuses_interval: Duration,
    /// How often campaigns whose time is over are ended.
    pub expiry_interval: Duration,
    /// How long a server that keeps house may be silent before another one takes over.
    pub lease: Duration,
}

impl Tasks {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            changes_interval: values.get("tasks.changes_interval")?,
            presence_interval: values.get("tasks.presence_interval")?,
            statuses_interval: values.get("tasks.statuses_interval")?,
            expiry_interval: values.get("tasks.expiry_interval")?,
            lease: values.get("tasks.lease")?,
        })
    }
}
