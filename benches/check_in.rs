//! What a check-in costs the server: against a bare axum echo, against a bare rustls echo, and with many campaigns.
//!
//! `cargo bench --bench check_in [-- steady|connections|campaigns]`. The server has one core, the driver the other;
//! rounds of `BENCH_SECONDS` (5), every side once a round, and ratios of one round.

// Figures for people: counts fit a float, and they are printed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout
)]

mod support;

use serde_json::{Value, json};
use support::fleet::{Admin, Hosts};
use support::http::Target;
use support::load::{Connections, open, percentile};
use support::muster::{Ground, Muster, free_port};
use support::process::{as_driver, median};
use support::report::{Table, publish};
use support::rounds::{Sample, Side, compare, table};
use support::{HOSTS, Outcome, certificate, echo, round_time, wanted};

/// Campaigns that run meanwhile, of one host each.
const CAMPAIGNS: [usize; 4] = [0, 100, 1_000, 10_000];
/// Hosts that those campaigns wait for; they never check in.
const AWAITED: usize = 1_000;

fn main() -> Outcome<()> {
    if echo::serve_if_asked()? {
        return Ok(());
    }
    as_driver(run())
}

async fn run() -> Outcome<()> {
    let ground = Ground::new(None)?;
    let muster = ground.serve(None)?;
    let hosts = Hosts::enroll(&ground, &muster, HOSTS + AWAITED).await?;
    muster.process.stop()?;
    if wanted("steady") {
        steady(&ground, &hosts).await?;
    }
    if wanted("connections") {
        connections(&ground, &hosts).await?;
    }
    if wanted("campaigns") {
        campaigns(&ground, &hosts).await?;
    }
    Ok(())
}

/// Connections that are kept, as between a proxy and the server.
async fn steady(ground: &Ground, hosts: &Hosts) -> Outcome<()> {
    let muster = ground.serve(None)?;
    let address = free_port()?;
    let baseline = echo::start(address, None)?;
    let sides = [
        side("bare axum echo", &baseline, Target::plain(address), hosts, Connections::Kept),
        side("check-in", &muster.process, Target::plain(muster.http), hosts, Connections::Kept),
    ];
    let samples = compare(&sides).await?;
    let compared = table("Check-in on a kept connection, 10,000 hosts", &sides, &samples);
    let latencies = half_load(&sides, &samples).await?;
    publish("check_in", "steady", &[compared, latencies])
}

/// Latencies of both sides at half of the rate that the server reached.
async fn half_load(sides: &[Side<'_>], samples: &[Sample]) -> Outcome<Table> {
    let rate = median(samples[1].rate.clone()) / 2.0;
    let title = format!("The same at {rate:.0} requests a second, from the moment each was due");
    let mut table = Table::new(&title, &["side", "p50", "p95", "p99"]);
    for side in sides {
        let latencies = open(&side.target, &side.requests, rate, round_time()).await?;
        let cell = |share| format!("{:.2} ms", percentile(&latencies, share).as_secs_f64() * 1e3);
        table.row(vec![side.name.clone(), cell(0.5), cell(0.95), cell(0.99)]);
    }
    Ok(table)
}

/// A new connection with a full TLS 1.3 handshake for each request, as osquery does.
async fn connections(ground: &Ground, hosts: &Hosts) -> Outcome<()> {
    let tls = tempfile::tempdir()?;
    let client = certificate(tls.path())?;
    let muster = ground.serve(Some(tls.path()))?;
    let address = free_port()?;
    let baseline = echo::start(address, Some(tls.path()))?;
    let https = muster.https.expect("it was started with TLS");
    let target = |address| Target { address, tls: Some(client.clone()) };
    let sides = [
        side("bare rustls echo", &baseline, target(address), hosts, Connections::New),
        side("check-in", &muster.process, target(https), hosts, Connections::New),
    ];
    let samples = compare(&sides).await?;
    let title = "Check-in on a new TLS 1.3 connection, ECDSA P-256, 10,000 hosts";
    publish("check_in", "connections", &[table(title, &sides, &samples)])
}

/// Hosts that owe nothing, while campaigns of other hosts run.
async fn campaigns(ground: &Ground, hosts: &Hosts) -> Outcome<()> {
    let mut servers: Vec<(usize, Ground, Muster)> = Vec::new();
    for count in CAMPAIGNS {
        let ground = ground.copy()?;
        let muster = ground.serve(None)?;
        let admin = Admin::new(&ground, &muster)?;
        let awaited = admin.last_hosts(AWAITED).await?;
        let targets: Vec<Value> =
            (0..count).map(|campaign| json!({ "hostIds": [awaited[campaign % AWAITED]] })).collect();
        admin.start_campaigns(&targets).await?;
        servers.push((count, ground, muster));
    }
    let sides: Vec<Side<'_>> = servers
        .iter()
        .map(|(count, _, muster)| {
            let target = Target::plain(muster.http);
            side(&format!("{count} campaigns"), &muster.process, target, hosts, Connections::Kept)
        })
        .collect();
    let samples = compare(&sides).await?;
    let title = "Check-in of hosts that owe nothing, by running campaigns of one host";
    publish("check_in", "campaigns", &[table(title, &sides, &samples)])
}

fn side<'a>(
    name: &str,
    process: &'a support::process::Process,
    target: Target,
    hosts: &Hosts,
    connections: Connections,
) -> Side<'a> {
    let requests = hosts.reads(HOSTS);
    Side { name: name.to_owned(), process, target, requests, connections, is_expected: is_empty }
}

/// What the echo answers, and what a host is told that is asked nothing.
fn is_empty(answer: &[u8]) -> bool {
    answer == b"{}"
}
