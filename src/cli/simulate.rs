//! `muster simulate`: simulated hosts against a server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::terminal::talk;
use super::{Failure, stop_signal};
use crate::simulator::{Simulation, SimulationSettings, StatsSnapshot};

/// Run simulated hosts against a server until Ctrl-C; fail if the server broke the agent contract.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The server.
    #[arg(long, env = "MUSTER_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: String,
    /// PEM file of the certificates to trust; needed for https.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// What lets the hosts in: `muster enroll secret` makes one.
    #[arg(long, value_name = "SECRET")]
    enroll_secret: String,
    /// How many hosts.
    #[arg(long, default_value_t = 200)]
    hosts: usize,
    /// Everything about the hosts follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often a host checks in.
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    check_in_interval: Duration,
    /// How often a host sends log lines; never when left out.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    log_interval: Option<Duration>,
    /// Give each host one lasting connection; osquery connects anew for each request.
    #[arg(long)]
    keep_alive: bool,
    /// Proportion of hosts, 0 to 1, that take their time to answer.
    #[arg(long, default_value_t = 0.0, value_parser = proportion)]
    slow: f64,
    /// Proportion of hosts, 0 to 1, that are away for a while, again and again.
    #[arg(long, default_value_t = 0.0, value_parser = proportion)]
    offline: f64,
    /// Proportion of hosts, 0 to 1, that answer with an error.
    #[arg(long, default_value_t = 0.0, value_parser = proportion)]
    failing: f64,
    /// Proportion of hosts, 0 to 1, with an old osquery.
    #[arg(long, default_value_t = 0.0, value_parser = proportion)]
    old: f64,
}

impl Simulate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let stop = stop_signal()?;
        let hosts = self.hosts;
        let settings = self.settings()?;
        settings.check()?;
        let simulation = Simulation::start(settings, stop.clone());
        if stop.run_until_cancelled(simulation.wait_enrolled(hosts)).await.is_some() {
            talk(format_args!("{hosts} hosts are enrolled; Ctrl-C stops them"));
            stop.cancelled().await;
        }
        let stats = simulation.stats();
        simulation.stopped().await;
        talk(summary(&stats));
        if stats.violations.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        Err(format!("the server broke the agent contract: {:?}", stats.violations).into())
    }

    fn settings(self) -> Result<SimulationSettings, Failure> {
        let roots_pem = match &self.ca {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| format!("{} can't be read: {error}", path.display()))?,
            ),
            None => None,
        };
        Ok(SimulationSettings {
            server: self.server,
            roots_pem,
            enroll_secret: self.enroll_secret,
            hosts: self.hosts,
            seed: self.seed,
            check_in_interval: self.check_in_interval,
            new_connection_per_request: !self.keep_alive,
            slow: self.slow,
            offline: self.offline,
            failing: self.failing,
            old: self.old,
            log_interval: self.log_interval,
        })
    }
}

fn summary(stats: &StatsSnapshot) -> String {
    let StatsSnapshot {
        enrolled, check_ins, queries, answers, log_lines, refused, broken, read, write, ..
    } = stats;
    format!(
        "{enrolled} hosts enrolled, {check_ins} check-ins (p99 {:?}), {queries} queries, {answers} answers (p99 {:?}), \
         {log_lines} log lines, {refused} requests refused, {broken} connections broken",
        read.p99, write.p99
    )
}

fn proportion(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it is not a number")?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("it is not from 0 to 1".to_owned()) }
}
