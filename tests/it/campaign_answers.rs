//! What hosts answer, in all its forms: failures, chunks, limits, bytes.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::block_on;
use crate::harness::campaign::{assert_totals_equal_events, failures, rows_by_host};
use crate::harness::server::{Backend, TestServer};
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

/// osquery's messages and what they are.
const FAILURES: [(&str, &str); 5] = [
    ("near \"x\": syntax error", "SQL_ERROR"),
    ("no such table: shadow", "TABLE_NOT_FOUND"),
    ("Table file was queried without a required column in the WHERE clause", "MISSING_CONSTRAINT"),
    ("distributed query is denylisted", "DENYLISTED"),
    ("the moon is full", "UNKNOWN"),
];

on_both!(kinds_of_failure, chunks, columns_and_bytes, row_limit_of_an_answer, targets_by_state_and_name);

/// A host's error is an answer: its kind is told apart, its message shown.
async fn kinds_of_failure(world: World) {
    let mut hosts = Vec::new();
    for (message, code) in FAILURES {
        let answering = Arc::new(move |_: &str| AgentAnswer::failure(message));
        hosts.push(world.host_with(code, &world.secret, answering).await);
    }
    let id = world.admin.start("select 1").await;
    for host in &mut hosts {
        host.poll().await.expect("the server takes the answer");
    }
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    let codes = failures(&events);
    assert_eq!(codes.len(), FAILURES.len());
    for (host, code) in codes {
        assert_eq!(host, code);
    }
    let message = |event: &Value| event["message"] == FAILURES[0].0;
    assert!(events.iter().any(message), "the message is osquery's");
    assert_totals_equal_events(&world.admin.campaign(&id).await["totals"], &events);
}

/// The targets of a campaign, page by page, in any states and under any name: those that it has, each once, in order.
async fn targets_by_state_and_name(world: World) {
    let states = ["SUCCEEDED", "FAILED", "PENDING", "PENDING"];
    let mut targets = Vec::new();
    let mut hosts = Vec::new();
    for n in 0..40 {
        let name = format!("{}-{n}", if n % 3 == 0 { "Web" } else { "db" });
        let answering = Arc::new(move |_: &str| {
            if n % 4 == 1 { AgentAnswer::failure("no such table: x") } else { AgentAnswer::one("n", n) }
        });
        hosts.push(world.host_with(&name, &world.secret, answering).await);
        targets.push((name, states[n % 4]));
    }
    let id = world.admin.start("select n").await;
    for (n, host) in hosts.iter_mut().enumerate() {
        if states[n % 4] != "PENDING" {
            host.poll().await.expect("the server takes the answer");
        }
    }
    let page = "query($id: ID!, $n: Int!, $after: String, $states: [CampaignTargetState!], $search: String) {
        node(id: $id) { ... on Campaign { targets(first: $n, after: $after, states: $states, search: $search) {
            totalCount nodes { hostname state } pageInfo { hasNextPage endCursor } } } } }";
    for wanted in 0..8 {
        let wanted: Vec<_> = (0..3).filter(|bit| wanted >> bit & 1 == 1).map(|bit| states[bit]).collect();
        for search in [None, Some("web"), Some("DB-1"), Some("x")] {
            let named = |name: &str| {
                search.is_none_or(|prefix| name.to_lowercase().starts_with(&prefix.to_lowercase()))
            };
            let expected: Vec<_> = targets
                .iter()
                .filter(|(name, state)| wanted.contains(state) && named(name))
                .map(|(name, state)| json!({ "hostname": name, "state": state }))
                .collect();
            let (mut found, mut after) = (Vec::new(), Value::Null);
            loop {
                let variables =
                    json!({ "id": id, "n": 7, "after": after, "states": wanted, "search": search });
                let targets = world.admin.ask(page, variables).await["node"]["targets"].clone();
                assert_eq!(targets["totalCount"], expected.len(), "{wanted:?} {search:?}");
                found.extend(targets["nodes"].as_array().expect("a list").clone());
                after = targets["pageInfo"]["endCursor"].clone();
                if targets["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            assert_eq!(found, expected, "{wanted:?} {search:?}");
        }
    }
}

/// A large answer comes as chunks, in order, complete; an empty one is an answer too.
async fn chunks(world: World) {
    let long = Arc::new(|_: &str| AgentAnswer::rows((0..2_500).map(|n| [("n", n.to_string())])));
    let wide = Arc::new(|_: &str| {
        AgentAnswer::rows((0..8).map(|n| [("blob", format!("{n}{}", "x".repeat(100_000)))]))
    });
    let mut hosts = vec![
        world.host_with("long", &world.secret, long.clone()).await,
        world.host_with("wide", &world.secret, wide.clone()).await,
        world.host_with("empty", &world.secret, Arc::new(|_| AgentAnswer::empty())).await,
    ];
    let id = world.admin.start("select n").await;
    for host in &mut hosts {
        host.poll().await.expect("the server takes the answer");
    }
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    let rows = rows_by_host(&events);
    assert_eq!(rows["long"], long("").shown());
    assert_eq!(rows["wide"], wide("").shown());
    assert_eq!(rows["empty"], Vec::<Value>::new());
    for event in events.iter().filter(|event| event["__typename"] == "CampaignHostRows") {
        let rows = event["rows"].as_array().expect("a list");
        assert!(rows.len() <= 1_000, "a chunk has at most 1,000 rows");
        assert!(rows.len() <= 1 || event["rows"].to_string().len() <= 256 << 10, "or 256 KiB");
    }
    let campaign = world.admin.campaign(&id).await;
    assert_eq!(campaign["totals"]["rows"], 2_508);
    assert_totals_equal_events(&campaign["totals"], &events);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// Columns keep their order, and bytes that are not UTF-8 cost nothing but themselves.
async fn columns_and_bytes(world: World) {
    let answering = Arc::new(|_: &str| {
        let mut answer = AgentAnswer::rows([[("zeta", "1".to_owned()), ("alpha", "\u{1}\"\\/é".to_owned())]]);
        answer.rows[0].push(("raw".to_owned(), b"latin-1: \xe9, cut\0here".to_vec()));
        answer
    });
    let mut host = world.host_with("web", &world.secret, answering.clone()).await;
    let id = world.admin.start("select *").await;
    host.poll().await.expect("the server takes the answer");
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(events[0]["columns"], json!(["zeta", "alpha", "raw"]));
    assert_eq!(events[0]["rows"], json!(answering("").shown()));
    assert_eq!(
        events[0]["rows"].to_string(),
        json!(answering("").shown()).to_string(),
        "members in column order"
    );
    assert_eq!(events[0]["durationMs"], 3);
}

/// An answer is cut at 100,000 rows, and says how many were dropped.
async fn row_limit_of_an_answer(world: World) {
    let answering = Arc::new(|_: &str| AgentAnswer::rows((0..100_007).map(|n| [("n", n.to_string())])));
    let mut host = world.host_with("huge", &world.secret, answering).await;
    let id = world.admin.start("select n").await;
    host.poll().await.expect("the server takes the answer");
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(rows_by_host(&events)["huge"].len(), 100_000);
    let last = events.iter().rfind(|event| event["isLastChunk"] == true).expect("a last chunk");
    assert_eq!(last["rowsDropped"], 7);
    let totals = world.admin.campaign(&id).await["totals"].clone();
    assert_eq!((totals["rows"].as_i64(), totals["rowsDropped"].as_str()), (Some(100_000), Some("7")));
    assert_totals_equal_events(&totals, &events);
}

/// Beyond the row limit of a campaign whole chunks are dropped and counted; hosts are still counted as answered.
#[test]
fn row_limit_of_a_campaign() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, &[("campaign.max_rows", "25")]).await;
        let world = World::on(server.expect("SQLite is always there")).await;
        let answering = Arc::new(|_: &str| AgentAnswer::rows((0..10).map(|n| [("n", n.to_string())])));
        let mut hosts = Vec::new();
        for number in 0..5 {
            hosts.push(world.host_with(&format!("host-{number}"), &world.secret, answering.clone()).await);
        }
        let id = world.admin.start("select n").await;
        for host in &mut hosts {
            host.poll().await.expect("the server takes the answer");
        }
        let events = world.admin.follow(&id, None).await.to_the_end().await;
        let totals = world.admin.campaign(&id).await["totals"].clone();
        assert_eq!(totals["succeeded"], 5);
        assert_eq!((totals["rows"].as_i64(), totals["rowsDropped"].as_str()), (Some(20), Some("30")));
        assert_totals_equal_events(&totals, &events);
        Stored::read(&world.server, &id).await.assert_laws();
    });
}
