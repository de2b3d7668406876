//! Simulated hosts: Linux, macOS and Windows machines with osquery agents that answer real SQL.
//!
//! Each host follows from a seed and its number: who it is, what its tables hold, how it behaves. Its agent speaks
//! osquery's protocol over real sockets and is strict about the contract that servers owe it. A host is one cheap
//! task; SQL is evaluated by a few threads for all. Facts about tables, columns and the protocol come from osquery
//! (copyright The osquery authors, Apache-2.0).

mod agent;
mod catalog;
mod character;
mod contract;
mod draw;
mod engine;
mod evaluator;
mod functions;
mod gate;
mod histogram;
mod host;
mod http;
mod link;
mod logs;
mod schedule;
mod stats;
mod tables;
mod value;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;

use agent::Agent;
use evaluator::Evaluator;
pub use histogram::Latency;
use http::Target;
use stats::Stats;
pub use stats::StatsSnapshot;

/// Hosts that enroll at the same time.
const ENROLLING: usize = 64;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulationSettings {
    /// The server, `http(s)://host:port`.
    pub server: String,
    /// How to speak TLS, and whom to believe; needed for https.
    pub tls: Option<Arc<ClientConfig>>,
    /// What lets the hosts in.
    pub enroll_secret: String,
    /// How many hosts.
    pub hosts: usize,
    /// Hosts that begin to enroll in a second; as many as can when left out.
    pub rate: Option<f64>,
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
    /// The proportion of hosts, 0 to 1, that run an old osquery (3.1, 4.3 or 4.4).
    pub old: f64,
    /// How often a host sends log lines; never when left out.
    pub log_interval: Option<Duration>,
}

impl SimulationSettings {
    /// Checks what a person may have mistyped.
    ///
    /// # Errors
    /// The server is no address, or https without TLS.
    pub fn check(&self) -> Result<(), SettingsError> {
        Target::new(&self.server, self.tls.as_ref()).map(drop)
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The server is no address.
    #[error("`{0}` is not the address of a server: expected http://host:port or https://host:port")]
    Server(String),
    /// https needs TLS.
    #[error("an https server needs TLS, and whom to trust was not said")]
    NoTls,
}

/// Running simulated hosts.
pub struct Simulation {
    stats: Arc<Stats>,
    agents: TaskTracker,
}

/// What all agents of a simulation share.
struct World {
    settings: SimulationSettings,
    target: Arc<Target>,
    stats: Arc<Stats>,
    evaluator: Evaluator,
    clock: Clock,
    /// Lets a bounded number of hosts enroll at a time.
    enrolling: Semaphore,
    /// How long a second of waiting after a failure lasts: a second, less in tests.
    second: Duration,
    shutdown: CancellationToken,
}

impl Simulation {
    /// Starts the hosts, in the runtime of the caller; they stop at `shutdown`, in the middle of anything, like
    /// machines that lose power. With settings that do not pass [`SimulationSettings::check`] no host starts.
    #[must_use]
    pub fn start(settings: SimulationSettings, shutdown: CancellationToken) -> Self {
        Self::start_at_pace(settings, shutdown, Duration::from_secs(1))
    }

    /// Like [`Simulation::start`]; the pauses after failures are counted in `second`.
    fn start_at_pace(settings: SimulationSettings, shutdown: CancellationToken, second: Duration) -> Self {
        let stats = Arc::new(Stats::new(settings.hosts));
        let agents = TaskTracker::new();
        match Target::new(&settings.server, settings.tls.as_ref()) {
            Ok(target) => {
                let world = Arc::new(World::new(settings, target, Arc::clone(&stats), second, shutdown));
                for index in 0..world.settings.hosts {
                    let agent = Agent::new(Arc::clone(&world), index);
                    agents.spawn(world.shutdown.clone().run_until_cancelled_owned(agent.run()));
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no host can be simulated");
            }
        }
        agents.close();
        Self { stats, agents }
    }

    /// The figures so far.
    #[must_use]
    pub fn stats(&self) -> StatsSnapshot {
        self.stats.snapshot()
    }

    /// Waits until `hosts` hosts have enrolled.
    pub async fn wait_enrolled(&self, hosts: usize) {
        self.stats.wait_enrolled(hosts).await;
    }

    /// Waits until every host has stopped.
    pub async fn stopped(self) {
        self.agents.wait().await;
    }
}

impl World {
    /// How long host number `index` waits before it enrolls.
    fn delay(&self, index: usize) -> Duration {
        let Some(rate) = self.settings.rate else { return Duration::ZERO };
        let seconds = f64::from(u32::try_from(index).unwrap_or(u32::MAX)) / rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// A world with the system's clock.
    fn new(
        settings: SimulationSettings,
        target: Target,
        stats: Arc<Stats>,
        second: Duration,
        shutdown: CancellationToken,
    ) -> Self {
        let clock = Clock::System;
        Self {
            settings,
            target: Arc::new(target),
            stats,
            evaluator: Evaluator::start(&clock),
            clock,
            enrolling: Semaphore::new(ENROLLING),
            second,
            shutdown,
        }
    }
}

#[cfg(test)]
mod tests;
