//! Simulated hosts: Linux, macOS and Windows machines with osquery agents that answer real SQL.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulationSettings {
    /// The server, `http(s)://host:port`.
    pub server: String,
    /// The certificates to trust, as PEM; needed for https.
    pub roots_pem: Option<String>,
    /// What lets the hosts in.
    pub enroll_secret: String,
    /// How many hosts.
    pub hosts: usize,
    /// Everything about the hosts follows from this number.
    pub seed: u64,
    /// How often a host checks in.
    pub check_in_interval: Duration,
    /// Whether each request has a connection of its own, as osquery does it.
    pub new_connection_per_request: bool,
    /// The proportion of hosts, 0 to 1, that take 1 to 5 s to answer.
    pub slow: f64,
    /// The proportion of hosts, 0 to 1, that are away for some intervals after they enroll, and again later.
    pub offline: f64,
    /// The proportion of hosts, 0 to 1, that answer every query with an error.
    pub failing: f64,
    /// The proportion of hosts, 0 to 1, that run an old osquery (3.1 or 4.3).
    pub old: f64,
    /// How often a host sends log lines; never when left out.
    pub log_interval: Option<Duration>,
}

/// Figures of a simulation so far.
#[derive(Clone, Debug, Default)]
pub struct StatsSnapshot {}

/// Running simulated hosts.
pub struct Simulation {}

impl Simulation {
    /// Starts the hosts; they stop at `shutdown`.
    #[must_use]
    pub fn start(_settings: SimulationSettings, _shutdown: CancellationToken) -> Self {
        todo!()
    }

    /// The figures so far.
    #[must_use]
    pub fn stats(&self) -> StatsSnapshot {
        todo!()
    }

    /// Waits until `hosts` hosts have enrolled.
    pub async fn wait_enrolled(&self, _hosts: usize) {
        todo!()
    }

    /// Waits until every host has stopped.
    pub async fn stopped(self) {
        todo!()
    }
}
