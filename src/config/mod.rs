//! Configuration: the only reader of the environment.
//!
//! Every key stands in `default.toml` with its default. A file overrides it, the environment the file, a flag the
//! environment. Names are matched against the list of known keys, never split at `_`; what is not in the list is an
//! error with a suggestion.

pub mod client;
pub mod error;
pub mod setting;

mod effective;
mod keys;
mod layers;
mod network;

pub mod http;
pub mod https;
pub mod tls;
pub mod data;
pub mod database;
pub mod redis;
pub mod secret;
pub mod spool;
pub mod destinations;
pub mod egress;
pub mod log;
pub mod metrics;
pub mod otel;
pub mod agent;
pub mod enroll;
pub mod campaign;
pub mod due;
pub mod graphql;
pub mod session;
pub mod activity;
pub mod report;
pub mod tasks;

pub use effective::Effective;
pub use error::{ConfigError, Origin};
pub use keys::{KnownKey, known_keys};
pub use layers::Sources;
pub use network::{Network, Networks};
pub use setting::{ByteSize, Secret};

use layers::Values;

/// Every key with its default, commented.
pub const DEFAULTS: &str = include_str!("default.toml");

/// The effective configuration, a section a field.
#[derive(Clone, Debug)]
pub struct Config {
    /// Listeners.
    pub http: http::Http,
    /// The listener with TLS.
    pub https: https::Https,
    /// The certificate of the listeners.
    pub tls: tls::Tls,
    /// Where files are kept.
    pub data: data::Data,
    /// SQLite or PostgreSQL.
    pub database: database::Database,
    /// Redis.
    pub redis: redis::Redis,
    /// The master secret.
    pub secret: secret::MasterSecret,
    /// Accepted log lines on their way.
    pub spool: spool::Spool,
    /// Where log lines are shipped to.
    pub destinations: destinations::Destinations,
    /// Where connections out may go.
    pub egress: egress::Egress,
    /// Logs of this process.
    pub log: log::Log,
    /// Who may read the metrics.
    pub metrics: metrics::Metrics,
    /// What the standard variables of OpenTelemetry say.
    pub otel: otel::Otel,
    /// Hosts and their check-ins.
    pub agent: agent::Agent,
    /// How hosts are let in and told apart.
    pub enroll: enroll::Enroll,
    /// What every host is asked now and then.
    pub due: due::Due,
    /// Limits of live queries.
    pub campaign: campaign::Campaign,
    /// The API for people and programs.
    pub graphql: graphql::Graphql,
    /// People's credentials.
    pub session: session::Session,
    /// The audit trail.
    pub activity: activity::Activity,
    /// The latest rows of scheduled queries.
    pub report: report::Report,
    /// Intervals of background work.
    pub tasks: tasks::Tasks,
}

impl Config {
    /// Reads every source and merges them.
    ///
    /// # Errors
    /// The first key that is unknown, or whose value is not what was expected; a file that can't be read.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let otel = otel::Otel::read(&sources.environment);
        Ok(Self { otel, ..Self::read(&Values::merge(sources)?)? })
    }

    /// Reads every key; what stands in none of them is left at its default.
    fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            http: http::Http::read(values)?,
            https: https::Https::read(values)?,
            tls: tls::Tls::read(values)?,
            data: data::Data::read(values)?,
            database: database::Database::read(values)?,
            redis: redis::Redis::read(values)?,
            secret: secret::MasterSecret::read(values)?,
            spool: spool::Spool::read(values)?,
            destinations: values.destinations().clone(),
            egress: egress::Egress::read(values)?,
            log: log::Log::read(values)?,
            metrics: metrics::Metrics::read(values)?,
            otel: otel::Otel::default(),
            agent: agent::Agent::read(values)?,
            enroll: enroll::Enroll::read(values)?,
            due: due::Due::read(values)?,
            campaign: campaign::Campaign::read(values)?,
            graphql: graphql::Graphql::read(values)?,
            session: session::Session::read(values)?,
            activity: activity::Activity::read(values)?,
            report: report::Report::read(values)?,
            tasks: tasks::Tasks::read(values)?,
        })
    }
}

impl Default for Config {
    /// The defaults alone, as `default.toml` has them.
    fn default() -> Self {
        Self::load(&Sources::default()).expect("default.toml is held by a test")
    }
}

#[cfg(test)]
mod tests;
