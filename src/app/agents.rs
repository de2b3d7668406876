//! The settings of the agent face, from the sections of the configuration.

use crate::agent::{AgentSettings, HostIdentifier};
use crate::config::Config;
use crate::config::enroll::HostIdentifier as Configured;

/// The settings of the agent face.
pub(super) fn settings(config: &Config) -> AgentSettings {
    let Config { agent, enroll, .. } = config;
    AgentSettings {
        host_identifier: match enroll.host_identifier {
            Configured::Provided => HostIdentifier::Provided,
            Configured::Uuid => HostIdentifier::Uuid,
            Configured::Hostname => HostIdentifier::Hostname,
            Configured::Instance => HostIdentifier::Instance,
        },
        enroll_bytes: agent.max_enroll_body.in_memory(),
        read_bytes: agent.max_read_body.in_memory(),
        write_bytes: agent.max_write_body.in_memory(),
        log_bytes: agent.max_log_body.in_memory(),
        all_bodies_bytes: agent.max_bodies.in_memory(),
        body_deadline: agent.body_timeout,
        answer_deadline: agent.answer_timeout,
    }
}
