//! `muster simulate`: simulated hosts against a server.

mod report;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::client::{Tls, Trust};
use super::connect::Place;
use super::terminal::{data, talk};
use super::{Failure, stop_signal};
use crate::simulator::{Simulation, SimulationSettings};

/// Time between two reports.
const REPORT: Duration = Duration::from_secs(5);
/// The server without `--server`, and with `--tls`.
const SERVERS: [&str; 2] = ["http://127.0.0.1:8080", "https://127.0.0.1:8443"];

/// Run simulated hosts against a server until Ctrl-C; fail if the server broke the agent contract.
///
/// Every 5 s a line on stderr says how it goes; at the end stdout has the latency of each endpoint.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    place: Place,
    /// Speak TLS; without --ca or --fingerprint, believe whatever certificate the server shows.
    #[arg(long)]
    tls: bool,
    /// What lets the hosts in: `muster enroll secret` makes one.
    #[arg(long, value_name = "SECRET")]
    enroll_secret: String,
    /// How many hosts.
    #[arg(long, default_value_t = 200)]
    hosts: usize,
    /// Everything about the hosts follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Hosts that begin to enroll in a second; as many as the server takes when left out.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// How often a host checks in.
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    check_in_interval: Duration,
    /// How often a host sends log lines; never when left out.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    log_interval: Option<Duration>,
    /// Connect anew for each request, as osquery does; so it is unless --keep-alive is given.
    #[arg(long, conflicts_with = "keep_alive")]
    new_connection_per_request: bool,
    /// Give each host one lasting connection.
    #[arg(long)]
    keep_alive: bool,
    /// Share of hosts (0.1 or 10%) that take 1 to 5 s to answer.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    slow: f64,
    /// Share of hosts that are away for 3 to 8 intervals, after they enrolled and every 3 to 8 check-ins.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    offline: f64,
    /// Share of hosts that answer every query with an error.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    failing: f64,
    /// Share of hosts with an old osquery: 3.1, where every value is a text, 4.3 or 4.4.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    old: f64,
}

impl Simulate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let stop = stop_signal()?;
        let settings = self.settings()?;
        settings.check()?;
        let hosts = settings.hosts;
        let simulation = Simulation::start(settings, stop.clone());
        watch(&simulation, hosts, &stop).await;
        let stats = simulation.stats();
        simulation.stopped().await;
        talk(report::line(&stats));
        data(report::latencies(&stats))?;
        if stats.violations.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let violations: Vec<_> =
            stats.violations.iter().map(|(what, times)| format!("{what} ({times})")).collect();
        Err(format!("the server broke the agent contract: {}", violations.join(", ")).into())
    }

    fn settings(self) -> Result<SimulationSettings, Failure> {
        let [plain, secured] = SERVERS;
        let (server, trust) = self.place.or_environment(if self.tls { secured } else { plain })?;
        if self.tls && !server.starts_with("https://") {
            return Err(format!(
                "--tls needs an https server, and {server} is none: pass --server https://…"
            )
            .into());
        }
        if self.slow + self.offline + self.failing > 1.0 {
            return Err("--slow, --offline and --failing are of different hosts: together at most 1".into());
        }
        let trust = trust.unwrap_or(if self.tls { Trust::Anyone } else { Trust::Public });
        Ok(SimulationSettings {
            tls: Some(Tls::new(&trust)?.config),
            server,
            enroll_secret: self.enroll_secret,
            hosts: self.hosts,
            rate: self.rate,
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

/// Reports every few seconds, and when every host is enrolled, until `stop`.
async fn watch(simulation: &Simulation, hosts: usize, stop: &CancellationToken) {
    let mut reports = interval_at(Instant::now() + REPORT, REPORT);
    reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut all_enrolled = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = simulation.wait_enrolled(hosts), if !all_enrolled => {
                all_enrolled = true;
                talk(format_args!("{hosts} hosts are enrolled; Ctrl-C stops them"));
            }
            _ = reports.tick() => talk(report::line(&simulation.stats())),
        }
    }
}

/// A share of hosts: `0.1` or `10%`.
fn share(text: &str) -> Result<f64, &'static str> {
    const EXPECTED: &str = "a share is a number from 0 to 1, or a percentage such as 10%";
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    share.ok().filter(|share| (0.0..=1.0).contains(share)).ok_or(EXPECTED)
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or("a rate is a number above 0, of hosts in a second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_fraction_or_a_percentage() {
        for (text, expected) in
            [("0", Some(0.0)), ("0.25", Some(0.25)), ("25%", Some(0.25)), ("1", Some(1.0))]
        {
            assert_eq!(share(text).ok(), expected, "{text}");
        }
        for wrong in ["25", "-1%", "101%", "", "%", "NaN", "a"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert!(rate("0").is_err() && rate("inf").is_err() && rate("50").is_ok());
    }
}
