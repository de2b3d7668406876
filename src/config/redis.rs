//! Section `redis`: the bus between servers.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::{ByteSize, Secret};

/// The bus between servers.
#[derive(Clone, Debug)]
pub struct Redis {
    /// `redis://…`; none: one server alone.
    pub url: Option<Secret>,
    /// PEM file of the authority that signed its certificate; none: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// Keeps apart the installations that share one Redis.
    pub namespace: String,
    /// Bytes of recent events that Redis keeps of one campaign.
    pub recent_bytes: ByteSize,
    /// How long it keeps them after the newest.
    pub recent_time: Duration,
}

impl Redis {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            url: values.get("redis.url")?,
            ca: values.get("redis.ca")?,
            namespace: values.get("redis.namespace")?,
            recent_bytes: values.get("redis.recent_bytes")?,
            recent_time: values.get("redis.recent_time")?,
        })
    }
}
