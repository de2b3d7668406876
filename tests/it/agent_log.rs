//! The agent contract, part L: log lines, by number.

use std::io::Write as _;
use std::os::unix::fs::symlink;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::agent::raw::{assert_node_invalid, assert_success, post};
use crate::harness::agent::{Agent, Fault};
use crate::harness::block_on;
use crate::harness::logs::{in_files, spooled as stored, until};
use crate::harness::server::{Backend, TestServer};
use crate::harness::world::{World, on_both};

const DIFFERENTIAL: &str = r#"{"name":"pack_x_users","hostIdentifier":"other","calendarTime":"Tue Sep 30 17:37:30 2014 UTC","unixTime":1412098650,"epoch":0,"counter":3,"numerics":false,"decorations":{"host_uuid":"x"},"columns":{"uid":"0","username":"root"},"action":"added"}"#;
const SNAPSHOT: &str = r#"{"snapshot":[{"a":"1"},{"a":"2"}],"action":"snapshot","name":"s","hostIdentifier":"h","unixTime":1412098650}"#;
const BATCH: &str = r#"{"diffResults":{"removed":[],"added":[]},"name":"b","hostIdentifier":"h","unixTime":"1412098650","counter":"0"}"#;
const STATUS: &str = r#"{"hostIdentifier":"h","calendarTime":"x UTC","unixTime":"1412098650","severity":"0","filename":"scheduler.cpp","line":83,"message":"Executing \\xC3\\xA9","version":"5.23.1"}"#;

on_both!(
    l01_stored_as_they_came,
    l03_nothing,
    l05_twice,
    l07_odd_lines,
    one_line_stays_one,
    l08_large,
    l10_too_large,
    l11_unknown_key,
    l13_claims_of_a_line,
    kept_over_a_restart
);

/// Lines of all forms are stored as they came, in an envelope that names the host, before they are acknowledged.
/// Cases L06, L18.
async fn l01_stored_as_they_came(world: World) {
    let mut host = world.host("web").await;
    host.log("result", [DIFFERENTIAL, SNAPSHOT, BATCH].map(str::to_owned));
    host.log("status", [STATUS.to_owned()]);
    host.flush_logs().await.expect("the lines are taken");
    let results = stored(world.server.data(), "result");
    let expected = [DIFFERENTIAL, SNAPSHOT, BATCH];
    assert_eq!(results.len(), expected.len());
    for (stored, sent) in results.iter().zip(expected) {
        assert!(stored.contains(sent), "the line is a slice of what came: {stored}");
        let envelope: Value = serde_json::from_str(stored).expect("one line is one JSON text");
        assert_eq!(envelope["hostname"], "web", "L14: by node key, never by what the line claims");
    }
    assert!(stored(world.server.data(), "status")[0].contains(STATUS), "L02, L16");
}

/// What is nothing is a success.
/// Case L04.
async fn l03_nothing(world: World) {
    let host = world.host("web").await;
    for members in [
        json!({ "log_type": "result", "data": [] }),
        json!({ "log_type": "result", "data": "" }),
        json!({ "log_type": "result" }),
        json!({ "log_type": "other", "data": [{}] }),
        json!({ "data": [{}] }),
        json!({ "log_type": 5, "data": {} }),
    ] {
        let mut document = members.clone();
        document["node_key"] = json!(host.node_key);
        assert_success(&post(world.server.address, "log", &[], document.to_string()).await);
    }
}

/// The same batch twice has the same line ids.
async fn l05_twice(world: World) {
    let mut host = world.host("web").await;
    host.faults.push_back(Fault::LoseReply);
    host.log("result", [DIFFERENTIAL.to_owned()]);
    host.flush_logs().await.expect("the second try comes through");
    let lines = stored(world.server.data(), "result");
    let id = |line: &String| serde_json::from_str::<Value>(line).expect("JSON")["line_id"].clone();
    assert_eq!(lines.len(), 2);
    assert_eq!(id(&lines[0]), id(&lines[1]));
}

/// One line that is no object costs only itself, and numbers keep their digits. Fault F25.
async fn l07_odd_lines(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let precise = r#"{"name":"n","columns":{"big":9007199254740993,"empty":"","f":1.0}}"#;
    let body = format!(r#"{{"data":[5,null,"x",{precise},[]],"log_type":"result","node_key":"{key}"}}"#);
    assert_success(&post(world.server.address, "log", &[], body).await);
    let lines = stored(world.server.data(), "result");
    assert!(lines.iter().any(|line| line.contains(precise)), "L12: {lines:?}");
}

/// Line ends between the tokens of a line do not make two of it, and bytes that are not UTF-8 are replaced.
async fn one_line_stays_one(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let body =
        format!("{{\"data\":[{{\r\n\"a\":\n\"RAW\"}}],\"log_type\":\"result\",\"node_key\":\"{key}\"}}");
    let at = body.find("RAW").expect("it is there");
    let raw = [&body.as_bytes()[..at], b"\xff", &body.as_bytes()[at + 3..]].concat();
    assert_success(&post(world.server.address, "log", &[], raw).await);
    let lines = stored(world.server.data(), "result");
    assert_eq!(lines.len(), 1);
    let envelope: Value = serde_json::from_str(&lines[0]).expect("one line is one JSON text");
    assert_eq!(envelope["line"], json!({ "a": "\u{fffd}" }));
}

/// A full batch of long lines is taken at once.
async fn l08_large(world: World) {
    let mut host = world.host("web").await;
    let line = |n: usize| format!(r#"{{"name":"n{n}","columns":{{"x":"{}"}}}}"#, "x".repeat(8_000));
    host.log("result", (0..1_024).map(line));
    host.flush_logs().await.expect("the lines are taken");
    assert_eq!(host.ledger.logged.len(), 1_024);
    assert_eq!(stored(world.server.data(), "result").len(), 1_024);
}

/// A batch over the limit, plain or compressed, is dropped with success, or the agent would send it for ever and
/// nothing else.
async fn l10_too_large(world: World) {
    let world =
        World { server: world.server.restart_with(&[("agent.max_log_body", "64 KiB")]).await, ..world };
    let mut host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let noise: String = (0..40_000_u32).map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761))).collect();
    let body = format!("{{\"node_key\":\"{key}\",\"log_type\":\"result\",\"data\":[{{\"x\":\"{noise}\"}}]}}");
    assert!(body.len() > 64 << 10);
    assert_success(&post(world.server.address, "log", &[], &body).await);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_bytes()).expect("memory takes it");
    let compressed = encoder.finish().expect("memory takes it");
    let gzip = [("Content-Encoding", "gzip")];
    assert_success(&post(world.server.address, "log", &gzip, compressed).await);
    host.log("result", [DIFFERENTIAL.to_owned()]);
    host.flush_logs().await.expect("what follows is taken");
    assert_eq!(stored(world.server.data(), "result").len(), 1);
}

/// What a line says of itself decides nothing: its host is that of the key, its time of arrival is noted beside it,
/// and a query that nobody scheduled is as good as another.
async fn l13_claims_of_a_line(world: World) {
    let mut host = world.host("web").await;
    // L13, L14: top-level decorations over what is known; L15: an unknown query; L19: a clock that is years off.
    let line = r#"{"host":"hst_x","hostname":"other","team":"tem_x","received_at":"1999","hostIdentifier":"other","name":"gone","action":"bogus","unixTime":1,"calendarTime":"Thu Jan  1 00:00:01 1970 UTC","columns":{"name":"x"}}"#;
    host.log("result", [line.to_owned()]);
    host.flush_logs().await.expect("the line is taken");
    let kept: Value = serde_json::from_str(&stored(world.server.data(), "result")[0]).expect("JSON");
    assert_eq!(kept["hostname"], "web");
    assert_eq!(kept["received_at"], "2026-11-22T12:00:00.000Z");
    assert_eq!(kept["line"].to_string(), line, "the line is kept as it came");
}

/// A disk that takes nothing any more: the files first, then the spool is at its cap. The agent keeps its lines, and
/// nothing else fails; they come through when there is room again. Faults F19 and F20.
#[test]
fn l09_full_disk() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, &[("spool.max_bytes", "8 KiB")]).await;
        let mut world = World::on(server.expect("SQLite is inside")).await;
        let mut host = world.host("web").await;
        let file = world.server.data().join("logs/result.ndjson");
        std::fs::create_dir_all(world.server.data().join("logs")).expect("the directory is ours");
        symlink("/dev/full", &file).expect("the directory is ours");
        world = world.restart().await;
        host.log("result", [DIFFERENTIAL.to_owned()]);
        while host.flush_logs().await.is_ok() {
            host.log("result", [DIFFERENTIAL.to_owned()]);
        }
        host.flush_logs().await.expect_err("nothing is acknowledged that is not durable");
        host.poll().await.expect("check-ins go on");
        std::fs::remove_file(&file).expect("the link is ours");
        // The reports read on, and the files are tried again: then there is room.
        while host.flush_logs().await.is_err() {
            world.server.tick().await;
        }
        assert_eq!(host.ledger.enrollments, 1, "T06");
        let (data, acknowledged) = (world.server.data().to_owned(), host.ledger.logged.len());
        until("all to be shipped", || in_files(&data, "result").len() == acknowledged).await;
        world.server.stop().await;
    });
}

/// An unknown key: the lines come again under the new one.
async fn l11_unknown_key(world: World) {
    let mut host: Agent = world.host("web").await;
    host.node_key = Some("A".repeat(43));
    host.log("result", [DIFFERENTIAL.to_owned()]);
    host.flush_logs().await.expect_err("the key is not known");
    assert_eq!(host.node_key, None);
    host.flush_logs().await.expect("it enrolls, and sends them again");
    assert_eq!(stored(world.server.data(), "result").len(), 1);
    let nobody = json!({ "node_key": "", "log_type": "result", "data": [{}] });
    assert_node_invalid(&post(world.server.address, "log", &[], nobody.to_string()).await);
}

/// What was acknowledged is there after a restart.
async fn kept_over_a_restart(world: World) {
    let mut host = world.host("web").await;
    host.log("result", [DIFFERENTIAL.to_owned()]);
    host.flush_logs().await.expect("the lines are taken");
    let world = world.restart().await;
    host.log("result", [SNAPSHOT.to_owned()]);
    host.flush_logs().await.expect("the lines are taken");
    assert_eq!(stored(world.server.data(), "result").len(), 2);
}
