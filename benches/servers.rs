//! Two servers on one PostgreSQL and one Redis, hosts split over both, a viewer on each: how much later the row of a host
//! is seen at the server that the host does not speak to.
//!
//! `cargo bench --bench servers`.

// Figures for people: counts fit a float, and they are printed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::fleet::{Admin, Hosts};
use support::http::Target;
use support::live::{INTERVAL, check_in};
use support::load::percentile;
use support::muster::{Ground, Muster};
use support::postgres::Postgres;
use support::process::as_driver;
use support::redis::Redis;
use support::report::{Table, publish};
use support::viewer::Viewer;
use support::{CONNECTIONS, Outcome};
use tokio::task::JoinSet;

/// Hosts of both servers together.
const HOSTS: usize = 2_000;

fn main() -> Outcome<()> {
    as_driver(run())
}

async fn run() -> Outcome<()> {
    let (Some(postgres), Some(redis)) = (Postgres::start()?, Redis::start()?) else {
        eprintln!("PostgreSQL or Redis is not installed, so nothing was measured");
        return Ok(());
    };
    let ground = || Ground::shared(postgres.url(), redis.url());
    let (one, two) = (ground()?, ground()?);
    let servers = [one.serve(None)?, two.serve(None)?];
    let hosts = Hosts::enroll(&one, &servers[0], HOSTS).await?;
    let admin = Admin::new(&one, &servers[0])?;
    let history = follow(&servers, Arc::new(hosts), &admin).await?;
    let memory = servers.iter().map(|server| server.process.peak_memory()).collect::<Outcome<Vec<_>>>()?;
    publish("servers", "viewers", &tables(&history, &memory))
}

/// What happened to the answer of each host.
struct History {
    sent: Vec<Instant>,
    /// At each of the servers.
    seen: [Vec<Instant>; 2],
}

/// The server that a host speaks to: all hosts of a lane speak to one.
const fn near(host: usize) -> usize {
    host % CONNECTIONS % 2
}

/// A campaign over all hosts, once they have checked in without one.
async fn follow(servers: &[Muster; 2], hosts: Arc<Hosts>, admin: &Admin) -> Outcome<History> {
    let start = Instant::now() + Duration::from_secs(1);
    let mut agents: JoinSet<Outcome<Vec<(usize, Instant)>>> = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let target = Target::plain(servers[near(lane)].http);
        agents.spawn(check_in(target, Arc::clone(&hosts), HOSTS, lane, start));
    }
    tokio::time::sleep_until((start + INTERVAL).into()).await;
    let campaign = admin.start_campaigns(&[json!({ "allHosts": true })]).await?.remove(0);
    let watch = |server: &Muster| tokio::spawn(view(server.http, admin.token().to_owned(), campaign.clone()));
    let viewers = servers.each_ref().map(watch);
    let mut sent = vec![None; HOSTS];
    while let Some(agent) = agents.join_next().await {
        for (host, moment) in agent?? {
            sent[host] = Some(moment);
        }
    }
    let [one, two] = viewers;
    let all = |times: Vec<Option<Instant>>| times.into_iter().collect::<Option<Vec<_>>>();
    let history = [sent, one.await??, two.await??].map(all);
    let [Some(sent), Some(one), Some(two)] = history else { return Err("a host is missing".into()) };
    Ok(History { sent, seen: [one, two] })
}

/// When the row of each host was seen.
async fn view(server: SocketAddr, token: String, campaign: String) -> Outcome<Vec<Option<Instant>>> {
    let mut viewer = Viewer::watch(server, &token, &campaign).await?;
    let mut times = vec![None; HOSTS];
    while let Some(hosts) = viewer.next().await? {
        let now = Instant::now();
        for host in hosts {
            if times[host].replace(now).is_some() {
                return Err(format!("host {host} was told twice").into());
            }
        }
    }
    Ok(times)
}

fn tables(history: &History, memory: &[u64]) -> [Table; 2] {
    let seen = |host: usize, is_near: bool| {
        let server = if is_near { near(host) } else { 1 - near(host) };
        history.seen[server][host]
    };
    let after = |is_near: bool| {
        let since = |host: usize| seen(host, is_near).saturating_duration_since(history.sent[host]);
        sorted((0..HOSTS).map(since).collect())
    };
    let apart = |host: usize| {
        let (near, far) = (seen(host, true), seen(host, false));
        far.saturating_duration_since(near).max(near.saturating_duration_since(far))
    };
    let first_elsewhere = (0..HOSTS).filter(|host| seen(*host, false) < seen(*host, true)).count();
    let mut table = Table::new(
        "2,000 hosts split over two servers, a viewer on each: when a row is seen",
        &["from … to …", "p50", "p95", "p99"],
    );
    let rows = [
        ("answer sent, seen at the server of its host", after(true)),
        ("answer sent, seen at the other server", after(false)),
        ("seen at one, seen at the other", sorted((0..HOSTS).map(apart).collect())),
    ];
    for (name, times) in rows {
        let cell = |share| format!("{:.1} ms", percentile(&times, share).as_secs_f64() * 1e3);
        table.row(vec![name.to_owned(), cell(0.5), cell(0.95), cell(0.99)]);
    }
    let share = first_elsewhere as f64 / HOSTS as f64;
    let mut servers = Table::new("The two servers", &["figure", "value"]);
    servers.row(vec!["share of rows seen at the other server first".into(), format!("{share:.2}")]);
    let megabytes = memory.iter().max().map_or(f64::NAN, |bytes| *bytes as f64 / 1e6);
    servers.row(vec!["peak memory of a server".into(), format!("{megabytes:.0} MB")]);
    [table, servers]
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}
