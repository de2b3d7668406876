//! A live query over 10,000 hosts, and how fast answers become durable.
//!
//! `cargo bench --bench campaign [-- live|durable]`. `live`: hosts check in every 10 s at moments of their own, one
//! viewer watches over a WebSocket. `durable`: all answers at once, on both databases, against the same rows written by
//! the database's own quickest means in transactions of the same size.

// Figures for people: counts fit a float, and they are printed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::fleet::{Admin, Hosts, row};
use support::http::Target;
use support::live::{INTERVAL, asked, check_in};
use support::load::{once, percentile};
use support::muster::{Ground, Muster};
use support::postgres::Postgres;
use support::process::{as_driver, median};
use support::report::{Table, publish};
use support::viewer::Viewer;
use support::{CONNECTIONS, HOSTS, Outcome, ROUNDS, wanted};
use tokio::task::JoinSet;

/// Hosts that answer at the same moment, each on a connection of its own.
const AGENTS: usize = 512;
/// Answers in one transaction of the baseline, as in one of the server.
const GROUP: usize = 512;

fn main() -> Outcome<()> {
    as_driver(run())
}

async fn run() -> Outcome<()> {
    if wanted("live") {
        live().await?;
    }
    if wanted("durable") {
        let mut table = Table::new(
            "10,000 answers at once, one row of 300 bytes each, durable before each is acknowledged",
            &["database", "answers/s", "bare inserts/s", "answers against bare inserts", "CPU-µs per answer"],
        );
        durable(&mut table, "SQLite", None).await?;
        match Postgres::start()? {
            Some(postgres) => durable(&mut table, "PostgreSQL", Some(&postgres)).await?,
            None => eprintln!("PostgreSQL is not installed, so it was left out"),
        }
        publish("campaign", "durable", &[table])?;
    }
    Ok(())
}

/// A server with its hosts and who asks them.
async fn server(database: Option<String>) -> Outcome<(Ground, Muster, Hosts, Admin)> {
    let ground = Ground::new(database)?;
    let muster = ground.serve(None)?;
    let hosts = Hosts::enroll(&ground, &muster, HOSTS).await?;
    let admin = Admin::new(&ground, &muster)?;
    Ok((ground, muster, hosts, admin))
}

/// What happened to one host's answer, since the campaign was asked for.
#[derive(Clone, Copy, Default)]
struct Times {
    sent: Option<Duration>,
    seen: Option<Duration>,
}

async fn live() -> Outcome<()> {
    let (_ground, muster, hosts, admin) = server(None).await?;
    let (hosts, start) = (Arc::new(hosts), Instant::now() + Duration::from_secs(1));
    let mut agents: JoinSet<Outcome<Vec<(usize, Instant)>>> = JoinSet::new();
    for lane in 0..CONNECTIONS {
        agents.spawn(check_in(Target::plain(muster.http), Arc::clone(&hosts), HOSTS, lane, start));
    }
    // One interval of hosts that are asked nothing comes first.
    tokio::time::sleep_until((start + INTERVAL).into()).await;
    let cpu = muster.process.cpu()?;
    let asked = Instant::now();
    let campaign = admin.start_campaigns(&[json!({ "allHosts": true })]).await?.remove(0);
    let mut viewer = Viewer::watch(muster.http, admin.token(), &campaign).await?;
    let mut times = vec![Times::default(); HOSTS];
    while let Some(seen) = viewer.next().await? {
        let now = asked.elapsed();
        for host in seen {
            if times[host].seen.replace(now).is_some() {
                return Err(format!("host {host} was told twice").into());
            }
        }
    }
    while let Some(agent) = agents.join_next().await {
        for (host, sent) in agent?? {
            times[host].sent = Some(sent.duration_since(asked));
        }
    }
    let cpu = muster.process.cpu()?.saturating_sub(cpu);
    publish("campaign", "live", &tables(&times, cpu, muster.process.peak_memory()?)?)
}

fn tables(times: &[Times], cpu: Duration, memory: u64) -> Outcome<[Table; 2]> {
    let complete = times.iter().map(|times| Some((times.seen?, times.sent?)));
    let complete: Vec<(Duration, Duration)> = complete.collect::<Option<_>>().ok_or("a host is missing")?;
    let mut seen: Vec<Duration> = complete.iter().map(|(seen, _)| *seen).collect();
    seen.sort_unstable();
    let mut added: Vec<Duration> = complete.iter().map(|(seen, sent)| seen.saturating_sub(*sent)).collect();
    added.sort_unstable();
    let mut rows = Table::new(
        "Live query over 10,000 hosts that check in every 10 s: from the question to the viewer",
        &["row", "time", "against the interval"],
    );
    for (name, share) in [("first", 0.0), ("median", 0.5), ("last", 1.0)] {
        let time = percentile(&seen, share).as_secs_f64();
        let against = time / INTERVAL.as_secs_f64();
        rows.row(vec![name.to_owned(), format!("{time:.3} s"), format!("{against:.3}x")]);
    }
    let mut server = Table::new("What the server adds and uses", &["figure", "value"]);
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let milliseconds = percentile(&added, share).as_secs_f64() * 1e3;
        server.row(vec![format!("answer sent to row seen, {name}"), format!("{milliseconds:.1} ms")]);
    }
    let each = cpu.as_secs_f64() * 1e6 / HOSTS as f64;
    server.row(vec!["CPU per host of two check-ins, answer and row".into(), format!("{each:.0} µs")]);
    server.row(vec!["peak memory".into(), format!("{:.0} MB", memory as f64 / 1e6)]);
    Ok([rows, server])
}

/// All answers at once, in turn with the bare inserts of the same rows.
async fn durable(table: &mut Table, name: &str, postgres: Option<&Postgres>) -> Outcome<()> {
    let (_ground, muster, hosts, admin) = server(postgres.map(Postgres::url)).await?;
    let target = Target::plain(muster.http);
    let (mut rates, mut bare, mut ratios, mut cpus) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let inserts = HOSTS as f64 / bare_inserts(postgres)?.as_secs_f64();
        admin.start_campaigns(&[json!({ "allHosts": true })]).await?;
        let reads = once(&target, AGENTS, &hosts.reads(HOSTS)).await?;
        let query = asked(&reads[0])?.ok_or("the hosts are not asked")?;
        let writes: Vec<Vec<u8>> = (0..HOSTS).map(|host| hosts.write(host, &query)).collect();
        let (cpu, start) = (muster.process.cpu()?, Instant::now());
        let answers = once(&target, AGENTS, &Arc::new(writes)).await?;
        let rate = HOSTS as f64 / start.elapsed().as_secs_f64();
        if let Some(refused) = answers.iter().find(|answer| *answer != b"{}") {
            return Err(format!("not acknowledged: {}", String::from_utf8_lossy(refused)).into());
        }
        let cpu = muster.process.cpu()?.saturating_sub(cpu);
        cpus.push(cpu.as_secs_f64() * 1e6 / HOSTS as f64);
        rates.push(rate);
        bare.push(inserts);
        ratios.push(rate / inserts);
    }
    table.row(vec![
        name.to_owned(),
        format!("{:.0}", median(rates)),
        format!("{:.0}", median(bare)),
        format!("{:.2}x", median(ratios)),
        format!("{:.0}", median(cpus)),
    ]);
    Ok(())
}

/// The same rows by the shortest way: COPY in PostgreSQL, prepared inserts in SQLite, [`GROUP`] rows a transaction.
fn bare_inserts(postgres: Option<&Postgres>) -> Outcome<Duration> {
    let rows: Vec<String> = (0..HOSTS).map(row).collect();
    match postgres {
        None => {
            let directory = tempfile::tempdir()?;
            let mut database = rusqlite::Connection::open(directory.path().join("bare.db"))?;
            database.execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE bare (line TEXT)",
            )?;
            let start = Instant::now();
            for group in rows.chunks(GROUP) {
                let transaction = database.transaction()?;
                for row in group {
                    transaction.prepare_cached("INSERT INTO bare VALUES (?1)")?.execute([row])?;
                }
                transaction.commit()?;
            }
            Ok(start.elapsed())
        }
        Some(postgres) => {
            postgres.run("SET client_min_messages = warning; DROP TABLE IF EXISTS bare; CREATE TABLE bare (line JSONB)")?;
            let group = |rows: &[String]| format!("COPY bare FROM stdin;\n{}\n\\.\n", rows.join("\n"));
            let script: String = rows.chunks(GROUP).map(group).collect();
            let start = Instant::now();
            postgres.run(&script)?;
            Ok(start.elapsed())
        }
    }
}
