//! What becomes of log lines once they are acknowledged: shipped, whatever happens, and by the side of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::harness::agent::raw::{assert_success, post};
use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::Process;
use crate::harness::block_on;
use crate::harness::logs::{in_files, spooled, until};
use crate::harness::seeds::{Dice, seeds};
use crate::harness::server::Backend;
use crate::harness::world::{World, on_both};

on_both!(file_destination, repaired_bytes, acknowledged_when_delivered);

/// A batch of 1,024 lines, compressed as osquery does, is in the files line by line as the agent sent it.
async fn file_destination(world: World) {
    let mut host = world.host("web").await;
    let line = |n: usize| format!(r#"{{"name":"n{n}","columns":{{"big":{n}.50,"é":"\u0000 \\u001b[31m"}}}}"#);
    host.log("result", (0..1_024).map(line));
    host.log("status", [r#"{"message":"x"}"#.to_owned()]);
    host.flush_logs().await.expect("the lines are taken");
    let data = world.server.data().to_owned();
    until("the lines to be shipped", || in_files(&data, "result").len() == 1_024).await;
    until("the status to be shipped", || in_files(&data, "status").len() == 1).await;
    for (number, shipped) in in_files(&data, "result").iter().enumerate() {
        assert!(shipped.ends_with(&format!(",\"line\":{}}}", line(number))), "{shipped}");
    }
    assert_eq!(in_files(&data, "result"), spooled(&data, "result"));
}

/// The same with bytes that are no UTF-8: each line is what came, its broken bytes repaired, and nothing else of it.
async fn repaired_bytes(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let line = |n: usize| {
        let broken: &[u8] = [&b"\xff"[..], b"\xc3", b"a\xe2\x82", b"\xf0\x9f\x98\x80\x80"][n % 4];
        [format!(r#"{{"n":  {n}.0,"x":""#).as_bytes(), broken, br#"","y":"\u00e9"}"#].concat()
    };
    let sent: Vec<Vec<u8>> = (0..1_024).map(line).collect();
    let head = format!(r#"{{"node_key":"{key}","log_type":"result","data":["#);
    let body = [head.as_bytes(), &sent.join(&b','), b"]}"].concat();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&body).expect("memory takes it");
    let packed = encoder.finish().expect("memory takes it");
    assert_success(&post(world.server.address, "log", &[("Content-Encoding", "gzip")], packed).await);
    let data = world.server.data().to_owned();
    until("the lines to be shipped", || in_files(&data, "result").len() == 1_024).await;
    for (shipped, sent) in in_files(&data, "result").iter().zip(&sent) {
        let repaired = String::from_utf8_lossy(sent);
        assert!(shipped.ends_with(&format!(",\"line\":{repaired}}}")), "{shipped}");
    }
}

/// Where it is so set, an agent is thanked only when the destination has its lines.
async fn acknowledged_when_delivered(world: World) {
    let settings = &[("spool.ack", "destination"), ("agent.answer_timeout", "1s")];
    let logs = world.server.data().join("logs");
    std::fs::remove_dir_all(&logs).ok();
    std::fs::write(&logs, "in the way").expect("the directory is ours");
    let world = World { server: world.server.restart_with(settings).await, ..world };
    let mut host = world.host("web").await;
    host.log("result", [r#"{"name":"a"}"#.to_owned()]);
    host.flush_logs().await.expect_err("no destination has it");
    host.poll().await.expect("check-ins go on");
    std::fs::remove_file(&logs).expect("the file is ours");
    while host.flush_logs().await.is_err() {}
    let lines = in_files(world.server.data(), "result");
    assert!(!lines.is_empty(), "it was delivered before it was acknowledged");
}

#[test]
fn f02_killed_while_lines_come() {
    block_on(async {
        for seed in seeds() {
            let mut dice = Dice::of(seed);
            let mut process = Process::start(Backend::Sqlite).await.expect("SQLite is inside");
            let secret = process.command(&["enroll", "secret"], "");
            let mut hosts = Vec::new();
            for number in 0..8 {
                let identity = Identity::linux(&format!("host-{number}"));
                let answering = Arc::new(|_: &str| AgentAnswer::one("a", "b"));
                let mut host = Agent::new(process.address, &secret, identity, answering);
                assert!(host.enroll().await, "the secret lets it in");
                hosts.push(host);
            }
            for life in 0..4 {
                hosts = log_until_killed(&mut process, hosts, life, &mut dice).await;
                process.restart();
            }
            for host in &mut hosts {
                while host.unlogged() > 0 {
                    host.flush_logs().await.expect("the server is back");
                }
            }
            compare(&process, &hosts).await;
            process.remove().await;
        }
    });
}

/// Every host logs batch after batch; after so many acknowledgements the server is killed, with others under way.
async fn log_until_killed(
    process: &mut Process,
    hosts: Vec<Agent>,
    life: usize,
    dice: &mut Dice,
) -> Vec<Agent> {
    let enough = 1 + dice.below(30);
    let (told, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    let logging = hosts.into_iter().enumerate().map(|(number, mut host)| {
        let told = told.clone();
        tokio::spawn(async move {
            for batch in 0.. {
                let text = |n| format!(r#"{{"name":"q","columns":{{"at":"{number}.{life}.{batch}.{n}"}}}}"#);
                host.log("result", (0..20).map(text));
                if host.flush_logs().await.is_err() {
                    break;
                }
                // The test may have heard enough.
                let _ = told.send(());
            }
            host
        })
    });
    let logging: Vec<_> = logging.collect();
    for _ in 0..enough {
        acknowledged.recv().await.expect("hosts log on");
    }
    process.kill();
    let mut hosts = Vec::new();
    for host in logging {
        hosts.push(host.await.expect("the agent lives"));
    }
    hosts
}

/// What was acknowledged is in the spool and in the files; what is there twice has the same line id each time, and
/// what we shipped twice the same batch id too.
async fn compare(process: &Process, hosts: &[Agent]) {
    let acknowledged: BTreeSet<&str> =
        hosts.iter().flat_map(|host| host.ledger.logged.iter().map(String::as_str)).collect();
    assert!(!acknowledged.is_empty());
    let data = process.data().to_owned();
    until("everything to be shipped", || missing(&acknowledged, &in_files(&data, "result")) == 0).await;
    let stored = spooled(&data, "result");
    assert_eq!(missing(&acknowledged, &stored), 0, "in the spool");
    let stored: BTreeSet<&String> = stored.iter().collect();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in in_files(&data, "result") {
        assert!(stored.contains(&line), "the same line, host, batch and time as in the spool: {line}");
        let line: Value = serde_json::from_str(&line).expect("no line is torn");
        ids.entry(line["line"].to_string()).or_default().insert(line["line_id"].to_string());
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "a line has one id");
}

/// Acknowledged lines that are in none of these envelopes.
fn missing(acknowledged: &BTreeSet<&str>, envelopes: &[String]) -> usize {
    let inner = |envelope: &String| {
        let line = envelope.split_once(",\"line\":")?.1;
        Some(line[..line.len() - 1].to_owned())
    };
    let there: BTreeSet<String> = envelopes.iter().filter_map(inner).collect();
    acknowledged.iter().filter(|line| !there.contains(**line)).count()
}
