//! Section `tls`: the certificate of the listeners.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Setting;

/// The certificate of the listeners.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM file of the certificate and its chain; none: a self-signed one in the data directory.
    pub cert: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
    /// Whether clients prove themselves by certificates.
    pub client_auth: ClientAuth,
    /// PEM file of the authorities that sign clients' certificates.
    pub client_ca: Option<PathBuf>,
    /// PEM file of revocation lists.
    pub client_crl: Option<PathBuf>,
    /// Time a new connection has to finish its handshake.
    pub handshake_timeout: Duration,
    /// How often the files are looked at for a new certificate.
    pub reload_interval: Duration,
}

/// Whether clients prove themselves by certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nobody is asked for one.
    Off,
    /// Who has one shows it, and it must be good.
    Optional,
    /// Agents must have one; people may.
    Required,
}

impl Setting for ClientAuth {
    const EXPECTED: &'static str = "off, optional or required";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "optional" => Some(Self::Optional),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

impl Tls {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            cert: values.get("tls.cert")?,
            key: values.get("tls.key")?,
            client_auth: values.get("tls.client_auth")?,
            client_ca: values.get("tls.client_ca")?,
            client_crl: values.get("tls.client_crl")?,
            handshake_timeout: values.get("tls.handshake_timeout")?,
            reload_interval: values.get("tls.reload_interval")?,
        })
    }
}
