//! `muster simulate`: hosts of every kind against the real application.

use super::query::world;
use crate::harness::block_on;
use crate::harness::server::{Backend, TestServer};
use crate::harness::terminal::Terminal;
use crate::harness::world::World;

/// Hosts of every kind, at a rate; at the end, how long everything took.
#[test]
fn a_simulation_reports_latencies() {
    block_on(async {
        let world = world().await;
        let server = format!("http://{}", world.server.address);
        let terminal = Terminal::default().with("MUSTER_SERVER", server);
        let how = ["--hosts", "12", "--rate", "500", "--old", "50%", "--slow", "0.1", "--offline", "10%"];
        let fast = ["--check-in-interval", "20ms", "--log-interval", "20ms", "--new-connection-per-request"];
        let simulate = ["simulate", "--enroll-secret", &world.secret];
        let mut hosts = terminal.start(&[&simulate[..], &how, &fast].concat());
        hosts.line_with("12 hosts are enrolled").await;
        let id = world.admin.start("select 1 as one").await;
        world.admin.follow(&id, None).await.to_the_end().await;
        hosts.interrupt();
        let ended = hosts.end().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let lines: Vec<Vec<&str>> =
            ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        let endpoints: Vec<_> = lines.iter().map(|line| line[0]).collect();
        assert_eq!(endpoints, ["endpoint", "enroll", "config", "read", "write", "log"]);
        assert_eq!(lines[0][1..], ["answers", "p50", "p95", "p99"]);
        assert_eq!(lines[1][1], "12");
        assert!(lines[1..5].iter().all(|line| line[1] != "0"), "{}", ended.stdout);
        assert!(ended.stderr.contains("no errors"), "{}", ended.stderr);
        world.server.stop().await;
    });
}

/// Hosts speak TLS to a server whose certificate nobody signed.
#[test]
fn a_simulation_speaks_tls() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, &[("https.listen", "127.0.0.1:0")]).await;
        let world = World::on(server.unwrap_or_else(|_| unreachable!("SQLite is always there"))).await;
        let server = format!("https://{}", world.server.https.expect("it is on"));
        let terminal = Terminal::default();
        let simulate = ["simulate", "--tls", "--hosts", "2", "--enroll-secret", &world.secret, "--server"];
        let mut hosts = terminal.start(&[&simulate[..], &[&server]].concat());
        hosts.line_with("2 hosts are enrolled").await;
        hosts.kill().await;
        let plain = terminal.run(&[&simulate[..], &["http://127.0.0.1:1"]].concat()).await;
        assert_eq!(plain.code, Some(1));
        assert!(plain.stderr.contains("https://"), "{}", plain.stderr);
        world.server.stop().await;
    });
}
