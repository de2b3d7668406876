//! From the sections of the configuration to the settings of what they are for.

use super::AppError;
use crate::config::Config;
use crate::config::spool::Ack;
use crate::destination::Definition;
use crate::fleet::Settings;
use crate::fleet::logs::Acknowledge;
use crate::graphql::precheck::Limits;
use crate::graphql::precheck::size::MAX_LEVELS;
use crate::graphql::transport::{CostSettings, SocketSettings, TransportSettings};
use crate::spool::SpoolSettings;
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
        statuses: config.tasks.statuses_interval,
        expiry: config.tasks.expiry_interval,
        lease: config.tasks.lease / 3,
    }
}

/// Caps of the spool.
pub(super) fn spool(config: &Config) -> SpoolSettings {
    SpoolSettings {
        max_bytes: config.spool.max_bytes.0,
        max_age: config.spool.max_age,
        keep: config.spool.keep,
        ..SpoolSettings::default()
    }
}

/// The settings of the API's transports.
pub(super) fn transport(config: &Config) -> TransportSettings {
    let graphql = &config.graphql;
    TransportSettings {
        body_bytes: graphql.max_body.in_memory(),
        execution: graphql.execution_timeout,
        errors: graphql.max_errors.max(1),
        document: Limits {
            bytes: graphql.max_document.in_memory(),
            tokens: graphql.max_tokens,
            depth: graphql.max_depth.min(MAX_LEVELS),
            aliases: graphql.max_aliases,
            directives: graphql.max_directives,
            selections: graphql.max_selections,
            ..Limits::default()
        },
        cost: CostSettings {
            operation: graphql.max_cost.0,
            limit: graphql.rate_limit.0,
            limit_of_source: graphql.anonymous_rate_limit.0,
            window: graphql.rate_window,
        },
        anonymous_introspection: graphql.anonymous_introspection,
        graphiql: graphql.graphiql,
        socket: SocketSettings {
            operations: graphql.max_operations,
            per_actor: graphql.max_sockets,
            write: graphql.write_timeout,
            ..SocketSettings::default()
        },
        ..TransportSettings::default()
    }
}

/// The settings of the core, from the sections of the configuration.
///
/// # Errors
/// [`AppError::Destination`]: a log destination is not valid.
pub(super) fn core(config: &Config) -> Result<Settings, AppError> {
    let Config { agent, enroll, due, campaign, session, activity, report, spool, .. } = config;
    Ok(Settings {
        check_in_interval: agent.check_in_interval,
        online_grace: agent.online_grace,
        missing_after: agent.missing_after,
        presence_write_interval: agent.presence_write_interval,
        enroll_failures: enroll.max_failures,
        unknown_credential_memory: agent.unknown_credential_memory,
        max_running_campaigns: campaign.max_running,
        max_outstanding_targets: campaign.max_outstanding_targets,
        max_offers: campaign.max_offers,
        vitals_interval: due.vitals_interval,
        labels_interval: due.labels_interval,
        policies_interval: due.policies_interval,
        policy_history: due.policy_history,
        max_due: due.max_queries,
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
        report_retention: report.retention,
        report_rows: report.max_rows,
        event_retention: campaign.retention,
        lease: config.tasks.lease,
        acknowledge: match spool.ack {
            Ack::Spool => Acknowledge::Spooled,
            Ack::Destination => Acknowledge::Delivered,
        },
        destinations: destinations(config)?,
    })
}

/// The log destinations of the configuration, and the files that there are unless it says otherwise.
fn destinations(config: &Config) -> Result<Vec<Definition>, AppError> {
    let read = |(name, options): (&String, &String)| {
        Definition::read(name, options).map_err(|reason| AppError::Destination(name.clone(), reason))
    };
    let mut definitions: Vec<Definition> =
        config.destinations.wanted().map(read).collect::<Result<_, _>>()?;
    if !config.destinations.says("files") {
        definitions.push(Definition::files());
    }
    Ok(definitions)
}
