//! Answers to campaigns as log lines.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::logs::{in_files, until};
use crate::harness::sink::Sink;
use crate::harness::stored::{put_setting, setting};
use crate::harness::within_deadline;
use crate::harness::world::{World, on_both};

on_both!(answers_are_log_lines, repeated_under_the_same_ids);

const LOOPBACK: &[(&str, &str)] = &[("egress.allow", "127.0.0.1")];

async fn with_sink(world: World) -> (World, Sink) {
    let world = World { server: world.server.restart_with(LOOPBACK).await, ..world };
    let sink = Sink::start().await;
    let options = json!({
        "type": "http", "url": format!("http://{}/in", sink.address), "kinds": ["answer"],
        "max_delay": "1ms", "retry_min": "5ms", "retry_max": "20ms",
    });
    let input = json!({ "name": "siem", "options": options });
    let made = world.admin.mutate("createDestination", "destination { name }", input).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    let works = async || {
        let shown = world.admin.ask("{ destinations { name state } }", json!({})).await;
        shown.to_string().contains(r#"{"name":"siem","state":"WORKING"}"#)
    };
    within_deadline("it to work", async { while !works().await {} }).await;
    (world, sink)
}

/// From when on a destination wants them: a line a row, one for a failure, one for an answer without rows; of many
/// campaigns, those that ran already too, each once over a restart, and nobody else gets them.
async fn answers_are_log_lines(world: World) {
    let (world, sink) = with_sink(world).await;
    let rows = || AgentAnswer::rows((0..1_500).map(|n| [("n", (n / 2).to_string())]));
    let mut early = world.host_with("early", &world.secret, Arc::new(move |_: &str| rows())).await;
    let mut late = world.host_with("late", &world.secret, Arc::new(move |_: &str| rows())).await;
    let failing = |_: &str| AgentAnswer::failure("no such table: x");
    let mut failing = world.host_with("failing", &world.secret, Arc::new(failing)).await;
    let mut empty = world.host_with("empty", &world.secret, Arc::new(|_: &str| AgentAnswer::empty())).await;
    let first = world.admin.start("select n").await;
    early.poll().await.expect("an answer");
    world.server.tick().await;
    for host in [&mut late, &mut failing, &mut empty] {
        host.poll().await.expect("an answer");
    }
    world.server.tick().await;
    until("what was answered since to come", || sink.envelopes().len() == 1_502).await;
    let second = world.admin.start("select n from x").await;
    early.poll().await.expect("an answer");
    let world = World { server: world.server.restart_with(LOOPBACK).await, ..world };
    // The destination may not run yet.
    let ticking = async {
        while sink.envelopes().len() < 3_002 {
            world.server.tick().await;
        }
    };
    within_deadline("the other campaign's to come", ticking).await;
    world.server.tick().await;
    let lines = sink.envelopes();
    let ids: BTreeSet<String> = lines.iter().map(|line| line["line_id"].to_string()).collect();
    assert_eq!(ids.len(), lines.len(), "equal rows are different lines, and each comes once");
    let of = |campaign: &str, hostname: &str| -> Vec<&Value> {
        let is_of = |line: &&Value| line["line"]["campaign"] == campaign && line["hostname"] == hostname;
        lines.iter().filter(is_of).collect()
    };
    assert_eq!(of(&first, "early").len(), 0, "it answered before anybody wanted it");
    for (campaign, hostname) in [(&first, "late"), (&second, "early")] {
        let lines = of(campaign, hostname);
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(line["line"]["columns"]["n"], (n / 2).to_string());
            assert_eq!((&line["host"], &line["kind"]), (&line["line"]["host"], &json!("answer")));
        }
        assert_eq!(lines.len(), 1_500);
    }
    assert_eq!(of(&first, "failing")[0]["line"]["error"]["message"], "no such table: x");
    assert_eq!(of(&first, "empty")[0]["line"]["rows"], 0);
    assert!(in_files(world.server.data(), "answer").is_empty(), "nobody else wanted them");
    world.server.stop().await;
}

/// A server that died before it noted how far it was ships again: the same lines in the same batches.
async fn repeated_under_the_same_ids(world: World) {
    let (world, sink) = with_sink(world).await;
    world.server.tick().await;
    let before = setting(&world.server, "answers.shipped").await;
    let mut host = world.host("web").await;
    world.admin.start("select name").await;
    host.poll().await.expect("an answer");
    world.server.tick().await;
    until("it to come", || sink.envelopes().len() == 1).await;
    put_setting(&world.server, "answers.shipped", &before).await;
    world.server.tick().await;
    until("it to come again", || sink.envelopes().len() == 2).await;
    let lines = sink.envelopes();
    assert_eq!((&lines[0]["line_id"], &lines[0]["batch"]), (&lines[1]["line_id"], &lines[1]["batch"]));
    world.server.stop().await;
}
