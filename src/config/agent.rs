//! Section `agent`: hosts and their check-ins.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::ByteSize;

/// Hosts and their check-ins.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Address and port of the listener for agents alone; none: they use the others.
    pub listen: Option<SocketAddr>,
    /// Time between two check-ins of a host.
    pub check_in_interval: Duration,
    /// A host is online when it was seen within its interval and this.
    pub online_grace: Duration,
    /// A host is missing when it was not seen for this long.
    pub missing_after: Duration,
    /// A host's last-seen time is written at most this often.
    pub presence_write_interval: Duration,
    /// How long an unknown node key or enroll secret is remembered.
    pub unknown_credential_memory: Duration,
    /// How long hosts check in faster once a campaign wants them.
    pub accelerate: Duration,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long the core may take to answer.
    pub answer_timeout: Duration,
    /// Body of an enrollment.
    pub max_enroll_body: ByteSize,
    /// Body of a configuration or distributed read.
    pub max_read_body: ByteSize,
    /// Body of a distributed write.
    pub max_write_body: ByteSize,
    /// Body of log lines, inflated.
    pub max_log_body: ByteSize,
    /// All bodies in memory.
    pub max_bodies: ByteSize,
}

impl Agent {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: values.get("agent.listen")?,
            check_in_interval: values.get("agent.check_in_interval")?,
            online_grace: values.get("agent.online_grace")?,
            missing_after: values.get("agent.missing_after")?,
            presence_write_interval: values.get("agent.presence_write_interval")?,
            unknown_credential_memory: values.get("agent.unknown_credential_memory")?,
            accelerate: values.get("agent.accelerate")?,
            body_timeout: values.get("agent.body_timeout")?,
            answer_timeout: values.get("agent.answer_timeout")?,
            max_enroll_body: values.get("agent.max_enroll_body")?,
            max_read_body: values.get("agent.max_read_body")?,
            max_write_body: values.get("agent.max_write_body")?,
            max_log_body: values.get("agent.max_log_body")?,
            max_bodies: values.get("agent.max_bodies")?,
        })
    }
}
