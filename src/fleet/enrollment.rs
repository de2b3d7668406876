//! Enrollment: a host shows a secret and gets a node key.

use std::net::IpAddr;

use super::{Fleet, FleetError};
use entity::kind::Platform;

/// What a host says of itself when it enrolls; cleaned, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The secret, trimmed.
    pub secret: String,
    /// What osquery calls itself by; never empty.
    pub host_identifier: String,
    /// Operating system family.
    pub platform: Option<Platform>,
    /// Hardware UUID.
    pub hardware_uuid: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Hardware serial.
    pub serial_number: Option<String>,
    /// Operating system name and version.
    pub os_version: Option<String>,
    /// osquery version.
    pub osquery_version: Option<String>,
    /// Physical memory in bytes.
    pub memory_bytes: Option<i64>,
}

/// Outcome of an enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The new node key: 256 random bits in base64url.
    Key(String),
    /// The secret is wrong, expired or revoked.
    WrongSecret,
    /// More than 5 new keys in 10 minutes for this host, or too many failures from this source: try again later.
    TooOften,
}

impl Fleet {
    /// Enrolls a host by design.md 6.6: the same identifier, hardware UUID and team are the same host with a new
    /// key; a secret of another team never takes a host over; another hardware UUID is flagged as a clone.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn enroll(&self, _request: EnrollRequest, _source: IpAddr) -> Result<Enrolled, FleetError> {
        todo!()
    }
}
