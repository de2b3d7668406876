//! Section `redis`: the bus between servers.

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Secret;

/// The bus between servers.
#[derive(Clone, Debug)]
pub struct Redis {
    /// `redis://…`; none: one server alone.
    pub url: Option<Secret>,
    /// Keeps apart the installations that share one Redis.
    pub namespace: String,
}

impl Redis {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { url: values.get("redis.url")?, namespace: values.get("redis.namespace")? })
    }
}
