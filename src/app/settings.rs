//! From the sections of the configuration to the settings of what they are for.

use crate::config::Config;
use crate::fleet::Settings;
use crate::{http, tasks};

/// How many connections there may be: as configured, and as there are file descriptors for.
pub(super) fn limits(config: &Config) -> http::Limits {
    let connections = config.http.max_connections.min(http::descriptors::room());
    let per_source = config.http.max_connections_per_source.unwrap_or(connections / 2).max(1);
    http::Limits { connections, per_source }
}

/// How long listeners wait for clients.
pub(super) fn patience(config: &Config) -> http::Patience {
    http::Patience {
        headers: config.http.header_timeout,
        idle: config.http.idle_timeout,
        drain: config.http.drain_timeout,
    }
}

/// How often tasks run.
pub(super) fn intervals(config: &Config) -> tasks::Intervals {
    tasks::Intervals {
        changes: config.tasks.changes_interval,
        presence: config.tasks.presence_interval,
        expiry: config.tasks.expiry_interval,
    }
}

/// The settings of the core, from the sections of the configuration.
pub(super) fn core(config: &Config) -> Settings {
    let Config { agent, enroll, campaign, session, activity, .. } = config;
    Settings {
        check_in_interval: agent.check_in_interval,
        online_grace: agent.online_grace,
        missing_after: agent.missing_after,
        presence_write_interval: agent.presence_write_interval,
        enroll_failures: enroll.max_failures,
        unknown_credential_memory: agent.unknown_credential_memory,
        max_running_campaigns: campaign.max_running,
        max_outstanding_targets: campaign.max_outstanding_targets,
        max_offers: campaign.max_offers,
        max_campaign_rows: campaign.max_rows,
        max_campaign_bytes: campaign.max_bytes.stored(),
        ring_bytes: campaign.ring_bytes.in_memory(),
        group_answers: campaign.group_answers,
        group_bytes: campaign.group_bytes.in_memory(),
        group_delay: campaign.group_delay,
        answer_deadline: campaign.answer_deadline,
        accelerate_s: u32::try_from(agent.accelerate.as_secs()).unwrap_or(u32::MAX),
        access_token_ttl: session.access_token_ttl,
        refresh_token_ttl: session.refresh_token_ttl,
        argon2_memory_kib: u32::try_from(session.password_memory.0 >> 10).unwrap_or(u32::MAX),
        activity_retention: activity.retention,
    }
}
