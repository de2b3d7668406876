//! Section `secret`: what every key derives from.

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Secret;

/// What every key derives from.
#[derive(Clone, Debug)]
pub struct MasterSecret {
    /// The master secret; none: a file in the data directory.
    pub key: Option<Secret>,
}

impl MasterSecret {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { key: values.get("secret.key")? })
    }
}
