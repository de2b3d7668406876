//! What hosts, idle connections and viewers cost the server in memory, the connections against a bare rustls echo.
//!
//! `cargo bench --bench memory`. Memory is what the process holds (`VmRSS`) after, less what it held before.

// Figures for people: counts fit a float, and they are printed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout
)]

mod support;

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use support::fleet::{Admin, Hosts};
use support::http::{Connection, Target};
use support::load::Requests;
use support::muster::{Ground, Muster, free_port};
use support::process::{Process, as_driver};
use support::report::{Table, publish};
use support::viewer::Viewer;
use support::{Outcome, certificate, echo};

/// Hosts that check in on those connections, and that the campaign is for.
const FIRST: usize = 1_000;
/// Hosts of a large fleet.
const HOSTS: usize = 100_000;
/// Connections of which each has brought one check-in.
const IDLE: usize = 5_000;
/// Viewers of one campaign.
const VIEWERS: usize = 1_000;

fn main() -> Outcome<()> {
    allow_descriptors()?;
    if echo::serve_if_asked()? {
        return Ok(());
    }
    as_driver(run())
}

async fn run() -> Outcome<()> {
    let mut table = Table::new("Memory of the server", &["what", "bytes each", "against bare"]);
    let tls = tempfile::tempdir()?;
    let client = certificate(tls.path())?;
    let ground = Ground::new(None)?;
    // All viewers are one person.
    fs::write(ground.path().join("muster.toml"), "[graphql]\nmax_sockets = 2000\n")?;
    let mut row = |name: &str, bytes: f64, against: Option<f64>| {
        let against = against.map(|against| format!("{against:.2}x")).unwrap_or_default();
        table.row(vec![name.to_owned(), format!("{bytes:.0}"), against]);
    };

    // Each has a server that has not grown by something else.
    let (muster, address) = (ground.serve(Some(tls.path()))?, free_port()?);
    let https = muster.https.expect("it was started with TLS");
    let reads = Hosts::enroll(&ground, &muster, FIRST).await?.reads(FIRST);
    let baseline = echo::start(address, Some(tls.path()))?;
    let target = |address| Target { address, tls: Some(client.clone()) };
    let bare = idle(&baseline, &target(address), &reads).await?;
    let ours = idle(&muster.process, &target(https), &reads).await?;
    row("idle TLS 1.3 connection after one check-in, bare rustls echo", bare, Some(1.0));
    row("idle TLS 1.3 connection after one check-in", ours, Some(ours / bare));
    muster.process.stop()?;

    let muster = ground.serve(None)?;
    let viewer = viewers(&ground, &muster).await?;
    row("viewer of a campaign, with its WebSocket", viewer, None);
    muster.process.stop()?;

    let muster = ground.serve(None)?;
    let before = muster.process.memory()?;
    Hosts::enroll(&ground, &muster, HOSTS).await?;
    row("enrolled host, with what was told of it", each(&muster.process, before, HOSTS)?, None);
    row("the whole server with 100,000 hosts, at its peak", muster.process.peak_memory()? as f64, None);
    publish("memory", "each", &[table])
}

/// What one of so many has added since the process held `before`.
fn each(process: &Process, before: u64, count: usize) -> Outcome<f64> {
    Ok((process.memory()? as f64 - before as f64) / count as f64)
}

/// Bytes for a connection that is kept after one request.
async fn idle(process: &Process, target: &Target, requests: &Requests) -> Outcome<f64> {
    // What is made once, is made for these.
    drop(connect(target, requests, FIRST / 10).await?);
    let before = process.memory()?;
    let connections = connect(target, requests, IDLE).await?;
    each(process, before, connections.len())
}

async fn connect(target: &Target, requests: &Requests, count: usize) -> Outcome<Vec<Connection>> {
    let mut connections = Vec::new();
    for number in 0..count {
        let mut connection = target.connect().await?;
        connection.exchange(&requests[number % requests.len()]).await?;
        connections.push(connection);
    }
    Ok(connections)
}

/// Bytes for a viewer of a campaign that nobody has answered yet.
async fn viewers(ground: &Ground, muster: &Muster) -> Outcome<f64> {
    let admin = Admin::new(ground, muster)?;
    let campaign = admin.start_campaigns(&[json!({ "allHosts": true })]).await?.remove(0);
    let watch = async |count| -> Outcome<Vec<Viewer>> {
        let mut viewers = Vec::new();
        for _ in 0..count {
            let mut viewer = Viewer::watch(muster.http, admin.token(), &campaign).await?;
            viewer.next().await?;
            viewers.push(viewer);
        }
        Ok(viewers)
    };
    let _first = watch(VIEWERS / 20).await?;
    let before = muster.process.memory()?;
    let viewers = watch(VIEWERS).await?;
    each(&muster.process, before, viewers.len())
}

/// Lets this process, and those that it starts, have as many descriptors as they may.
fn allow_descriptors() -> Outcome<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
