//! What can be set of the agent face, with the numbers of the design as defaults.

use std::time::Duration;

/// What tells hosts apart, of all that an enrollment says. Where a host does not say it, or says what firmware gives to
/// many machines, it is known by what osquery calls itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostIdentifier {
    /// `host_identifier`, which follows osquery's flag of that name.
    #[default]
    Provided,
    /// `uuid` of `system_info`: the same after osquery is installed anew.
    Uuid,
    /// `hostname` of `system_info`.
    Hostname,
    /// `instance_id` of `osquery_info`: another one for each database of osquery, also on cloned machines.
    Instance,
}

/// Settings of the agent face; limits are in bytes unless another unit is named.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// What tells hosts apart.
    pub host_identifier: HostIdentifier,
    /// Body of an enrollment.
    pub enroll_bytes: usize,
    /// Body of a configuration or distributed read.
    pub read_bytes: usize,
    /// Body of a distributed write.
    pub write_bytes: usize,
    /// Body of log lines, inflated.
    pub log_bytes: usize,
    /// All bodies in memory.
    pub all_bodies_bytes: usize,
    /// How long a body may take to arrive, also one that is only drained.
    pub body_deadline: Duration,
    /// How long the core may take to answer; the agent itself gives up after 16 s in all.
    pub answer_deadline: Duration,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            host_identifier: HostIdentifier::Provided,
            enroll_bytes: 1 << 20,
            read_bytes: 64 << 10,
            write_bytes: 32 << 20,
            log_bytes: 64 << 20,
            all_bodies_bytes: 256 << 20,
            body_deadline: Duration::from_secs(14),
            answer_deadline: Duration::from_secs(10),
        }
    }
}
