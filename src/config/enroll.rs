//! Section `enroll`: how hosts are let in and told apart.

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Setting;

/// How hosts are let in and told apart.
#[derive(Clone, Debug)]
pub struct Enroll {
    /// What tells hosts apart.
    pub host_identifier: HostIdentifier,
    /// Wrong secrets from one address in a minute, before it must show one that is known.
    pub max_failures: u32,
}

/// What tells hosts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostIdentifier {
    /// What osquery calls itself by.
    Provided,
    /// The hardware UUID.
    Uuid,
    /// The host name.
    Hostname,
    /// The id of osquery's own database.
    Instance,
}

impl Setting for HostIdentifier {
    const EXPECTED: &'static str = "provided, uuid, hostname or instance";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "provided" => Some(Self::Provided),
            "uuid" => Some(Self::Uuid),
            "hostname" => Some(Self::Hostname),
            "instance" => Some(Self::Instance),
            _ => None,
        }
    }
}

impl Enroll {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            host_identifier: values.get("enroll.host_identifier")?,
            max_failures: values.get("enroll.max_failures")?,
        })
    }
}
