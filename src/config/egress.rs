//! Section `egress`: where connections out may go.

use super::error::ConfigError;
use super::layers::Values;
use super::network::Networks;

/// Where connections out may go.
#[derive(Clone, Debug)]
pub struct Egress {
    /// Networks that are no part of the open Internet, and allowed all the same.
    pub allow: Networks,
}

impl Egress {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { allow: values.get("egress.allow")? })
    }
}
