//! Section `tls`: the certificate of the listeners.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;

/// The certificate of the listeners.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM file of the certificate and its chain; none: a self-signed one in the data directory.
    pub cert: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
    /// Time a new connection has to finish its handshake.
    pub handshake_timeout: Duration,
    /// How often the files are looked at for a new certificate.
    pub reload_interval: Duration,
}

impl Tls {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            cert: values.get("tls.cert")?,
            key: values.get("tls.key")?,
            handshake_timeout: values.get("tls.handshake_timeout")?,
            reload_interval: values.get("tls.reload_interval")?,
        })
    }
}
