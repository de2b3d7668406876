//! Hosts known in depth: what labels and policies cost a check-in, and the configuration of a host.
//!
//! `cargo bench --bench hosts [-- due|configuration]`. `due`: 10,000 hosts, 20 labels and 50 policies, against the same
//! hosts without them. `configuration`: 100 scheduled queries in 10 packs, scoped by labels, against a bare axum echo.

// Figures for people: counts fit a float, and they are printed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout
)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::fleet::{Admin, Hosts};
use support::http::Target;
use support::load::{Connections, once};
use support::muster::{Ground, Muster, free_port};
use support::process::as_driver;
use support::report::{Table, publish};
use support::rounds::{Side, compare, table};
use support::{CONNECTIONS, HOSTS, Outcome, echo, wanted};

/// Labels by SQL.
const LABELS: usize = 20;
/// Policies, for all hosts.
const POLICIES: usize = 50;
/// Packs, each for the hosts of two labels, and queries in each.
const PACKS: (usize, usize) = (10, 10);
/// How long hosts may take to be asked for all labels and policies.
const PATIENCE: Duration = Duration::from_mins(5);

fn main() -> Outcome<()> {
    if echo::serve_if_asked()? {
        return Ok(());
    }
    as_driver(run())
}

async fn run() -> Outcome<()> {
    if wanted("due") || wanted("configuration") {
        let bare = Ground::new(None)?;
        let muster = bare.serve(None)?;
        let hosts = Hosts::enroll(&bare, &muster, HOSTS).await?;
        muster.process.stop()?;
        let rich = bare.copy()?;
        let muster = rich.serve(None)?;
        let admin = Admin::new(&rich, &muster)?;
        let labels = labels(&admin).await?;
        policies(&admin).await?;
        let known = until_known(&hosts, &muster, &admin).await?;
        if wanted("due") {
            due(&bare, &muster, &hosts, known).await?;
        }
        if wanted("configuration") {
            configuration(&admin, &muster, &hosts, &labels).await?;
        }
    }
    Ok(())
}

/// Makes a thing of the API and answers its id.
async fn create(admin: &Admin, name: &str, kind: &str, thing: &str, input: &Value) -> Outcome<String> {
    let document = format!(
        "mutation ($in: {kind}!) {{ {name}(input: $in) {{ {thing} {{ id }} userErrors {{ message }} }} }}"
    );
    let answer = admin.ask(vec![admin.request(&document, &json!({ "in": input }))]).await?.remove(0);
    let id = answer[name][thing]["id"].as_str();
    Ok(id.ok_or_else(|| format!("nothing was made: {answer}"))?.to_owned())
}

async fn labels(admin: &Admin) -> Outcome<Vec<String>> {
    let mut ids = Vec::new();
    for label in 0..LABELS {
        let sql = format!("select 1 from os_version where major > {label}");
        let input = json!({ "name": format!("label {label:02}"), "sql": sql });
        ids.push(create(admin, "createLabel", "CreateLabelInput", "label", &input).await?);
    }
    Ok(ids)
}

async fn policies(admin: &Admin) -> Outcome<()> {
    for policy in 0..POLICIES {
        let sql = format!("select 1 from uptime where days < {policy}");
        let input = json!({ "name": format!("policy {policy:02}"), "sql": sql });
        create(admin, "createPolicy", "CreatePolicyInput", "policy", &input).await?;
    }
    Ok(())
}

/// What it took until every host had answered everything.
struct Known {
    answers: usize,
    time: Duration,
    cpu: Duration,
    statements: f64,
}

/// Lets hosts answer until every policy is known of every host. Hosts are asked in the course of a minute; only the time
/// in which they answered counts.
async fn until_known(hosts: &Hosts, muster: &Muster, admin: &Admin) -> Outcome<Known> {
    const LEFT: &str = "{ policies(first: 100) { nodes { counts { unanswered } } } }";
    let (start, cpu, statements) = (Instant::now(), muster.process.cpu()?, muster.metric(STATEMENTS).await?);
    let (mut answers, mut time) = (0, Duration::ZERO);
    loop {
        let round = Instant::now();
        let answered = hosts.settle(muster).await?;
        if answered > 0 {
            time += round.elapsed();
        }
        answers += answered;
        if answers >= HOSTS * (LABELS + POLICIES) {
            break;
        }
        let left = admin.ask(vec![admin.request(LEFT, &json!({}))]).await?.remove(0);
        if start.elapsed() > PATIENCE {
            return Err(format!("hosts are not asked everything: {left}").into());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let cpu = muster.process.cpu()?.saturating_sub(cpu);
    Ok(Known { answers, time, cpu, statements: muster.metric(STATEMENTS).await? - statements })
}

/// Statements sent to the database.
const STATEMENTS: &str = "muster_database_statements_total";

/// Check-ins of hosts for which nothing is due, with labels and policies and without.
async fn due(bare: &Ground, rich: &Muster, hosts: &Hosts, known: Known) -> Outcome<()> {
    let muster = bare.serve(None)?;
    let names = ["no labels, no policies".to_owned(), format!("{LABELS} labels, {POLICIES} policies")];
    let sides = [side(&names[0], &muster, hosts), side(&names[1], rich, hosts)];
    let before = rich.metric(STATEMENTS).await?;
    let samples = compare(&sides).await?;
    let statements = rich.metric(STATEMENTS).await? - before;
    let check_ins: f64 = samples[1].rate.iter().map(|rate| rate * support::round_time().as_secs_f64()).sum();
    let compared = table("Check-in of 10,000 hosts when nothing is due", &sides, &samples);
    let mut told = Table::new("What labels and policies take", &["figure", "value"]);
    let mut row = |name: &str, value: String| told.row(vec![name.to_owned(), value]);
    let answers = known.answers as f64;
    row(
        "answers of hosts to labels and policies, durable",
        format!("{:.0}/s", answers / known.time.as_secs_f64()),
    );
    row(
        "CPU of the server for an answer, check-in included",
        format!("{:.1} µs", known.cpu.as_secs_f64() * 1e6 / answers),
    );
    row("statements for 1,000 answers", format!("{:.1}", known.statements * 1e3 / answers));
    row("statements for 1,000 check-ins when nothing is due", format!("{:.2}", statements * 1e3 / check_ins));
    row("peak memory of the server", format!("{:.0} MB", rich.process.peak_memory()? as f64 / 1e6));
    publish("hosts", "due", &[compared, told])
}

/// Check-ins of all hosts.
fn side<'a>(name: &str, muster: &'a Muster, hosts: &Hosts) -> Side<'a> {
    Side {
        name: name.to_owned(),
        process: &muster.process,
        target: Target::plain(muster.http),
        requests: hosts.reads(HOSTS),
        connections: Connections::Kept,
        is_expected: is_empty,
    }
}

/// The configuration of hosts, which nobody changes meanwhile.
async fn configuration(admin: &Admin, muster: &Muster, hosts: &Hosts, labels: &[String]) -> Outcome<()> {
    let (packs, queries) = PACKS;
    for pack in 0..packs {
        let scope = [&labels[2 * pack % LABELS], &labels[(2 * pack + 1) % LABELS]];
        let input = json!({ "name": format!("pack{pack}"), "labelsIncludeAny": scope });
        let id = create(admin, "createPack", "CreatePackInput", "pack", &input).await?;
        for query in 0..queries {
            let input = json!({
                "name": format!("query{query}"), "packId": id, "sql": "select name, path, cmdline, pid from processes",
                "schedule": { "interval": 3_600 },
            });
            create(admin, "createSavedQuery", "CreateSavedQueryInput", "savedQuery", &input).await?;
        }
    }
    // What changed is known to the server within a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let address = free_port()?;
    let baseline = echo::start(address, None)?;
    let sides = [
        Side {
            name: "bare axum echo".to_owned(),
            process: &baseline,
            target: Target::plain(address),
            requests: hosts.reads(HOSTS),
            connections: Connections::Kept,
            is_expected: is_empty,
        },
        Side {
            name: "configuration".to_owned(),
            process: &muster.process,
            target: Target::plain(muster.http),
            requests: hosts.configs(HOSTS),
            connections: Connections::Kept,
            is_expected: |answer| answer.len() > b"{}".len(),
        },
    ];
    // The first fetch reads which labels a host has.
    let first = Instant::now();
    let answers = once(&sides[1].target, CONNECTIONS, &sides[1].requests).await?;
    let (first, bytes) = (first.elapsed(), answers.iter().map(Vec::len).sum::<usize>());
    let before = muster.metric(STATEMENTS).await?;
    let samples = compare(&sides).await?;
    let statements = muster.metric(STATEMENTS).await? - before;
    let mut told = Table::new("What a configuration is, and takes", &["figure", "value"]);
    let fetches: f64 = samples[1].rate.iter().map(|rate| rate * support::round_time().as_secs_f64()).sum();
    told.row(vec![
        "statements for 1,000 configurations".to_owned(),
        format!("{:.2}", statements * 1e3 / fetches),
    ]);
    told.row(vec!["bytes of a configuration".to_owned(), format!("{}", bytes / HOSTS)]);
    told.row(vec!["first fetch of all hosts".to_owned(), format!("{:.1} s", first.as_secs_f64())]);
    let title = "Configuration of 10,000 hosts: 100 queries in 10 packs, 20 labels";
    publish("hosts", "configuration", &[table(title, &sides, &samples), told])
}

fn is_empty(answer: &[u8]) -> bool {
    answer == b"{}"
}
