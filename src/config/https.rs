//! Section `https`: the listener with TLS.

use std::net::SocketAddr;

use super::error::ConfigError;
use super::layers::Values;

/// The listener with TLS.
#[derive(Clone, Debug)]
pub struct Https {
    /// Its address and port; none: it is off.
    pub listen: Option<SocketAddr>,
}

impl Https {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { listen: values.get("https.listen")? })
    }
}
