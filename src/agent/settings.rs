//! What can be set of the agent face, with the numbers of the design as defaults.

use std::time::Duration;

/// Limits of the agent face, in bytes unless another unit is named.
#[derive(Clone, Debug)]
pub struct AgentSettings {
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
