//! The agent contract at its limits: floods, deep and large bodies, keys that are never used.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::agent::raw::{
    ENDPOINTS, assert_node_invalid, assert_retry, assert_success, object, post, send,
};
use crate::harness::agent::{AgentAnswer, Form, Identity, body};
use crate::harness::campaign::failures;
use crate::harness::logs::spooled;
use crate::harness::wire;
use crate::harness::world::{World, on_both};

on_both!(
    s03_unused_keys_lapse,
    s03_keys_issued_later_live,
    s05_odd_keys,
    e13_flood,
    w15_key_after_a_large_body,
    s08_too_large_of_nobody,
    s08_chunked,
    t32_deep_nesting,
    e09_filler_uuids
);

/// A key that was never used lapses after 24 h; a key in use is never ended by the clock.
async fn s03_unused_keys_lapse(world: World) {
    let used = world.host("used").await;
    let unused = world.host("unused").await;
    let keys = [used, unused].map(|host| host.node_key.expect("enrolled"));
    let server = world.server.address;
    assert_success(&post(server, "config", &[], body::keyed(&keys[0])).await);
    world.server.advance(Duration::from_hours(24));
    assert_success(&post(server, "config", &[], body::keyed(&keys[0])).await);
    assert_node_invalid(&post(server, "config", &[], body::keyed(&keys[1])).await);
}

/// The use of an older key leaves the newer one alive; the use of the newer one ends the older.
async fn s03_keys_issued_later_live(world: World) {
    let mut host = world.host("web").await;
    let old = host.node_key.clone().expect("enrolled");
    assert!(host.enroll().await);
    let new = host.node_key.clone().expect("enrolled");
    let server = world.server.address;
    assert_success(&post(server, "config", &[], body::keyed(&old)).await);
    assert_success(&post(server, "config", &[], body::keyed(&new)).await);
    assert_node_invalid(&post(server, "config", &[], body::keyed(&old)).await);
    assert_success(&post(server, "config", &[], body::keyed(&new)).await);
}

/// Keys that can't be ours cost no statement, and an unknown one costs one only once.
async fn s05_odd_keys(world: World) {
    let server = world.server.address;
    let unknown = body::keyed(&"A".repeat(43));
    assert_node_invalid(&post(server, "config", &[], unknown.clone()).await);
    let ask = async || {
        assert_node_invalid(&post(server, "config", &[], unknown.clone()).await);
        for key in [json!(""), json!("x".repeat(60_000)), json!("\0é"), json!(5), json!(null), json!([])] {
            let document = json!({ "node_key": key }).to_string();
            assert_node_invalid(&post(server, "config", &[], document).await);
        }
    };
    assert_eq!(world.server.statements_of(ask).await, 0);
}

/// A flood of wrong secrets, each another, stops asking the database, and shuts nobody out who has a right one.
async fn e13_flood(world: World) {
    world.host("web").await;
    let server = world.server.address;
    let enroll = |secret: String| {
        let document = json!({ "enroll_secret": secret, "host_identifier": "flood" });
        async move { post(server, "enroll", &[], document.to_string()).await }
    };
    for number in 0..100 {
        assert_eq!(enroll(format!("{number:043}")).await.status, 401);
    }
    let mut numbers = 100..;
    let flood = async || {
        for number in numbers.by_ref().take(20) {
            assert_retry(&enroll(format!("{number:043}")).await);
        }
    };
    assert_eq!(world.server.statements_of(flood).await, 0);
    assert!(object(&enroll(world.secret.clone()).await)["node_key"].is_string());
}

/// The key of an old agent stands at the end of a body that is far too large: it is found all the same.
async fn w15_key_after_a_large_body(world: World) {
    let answering = Arc::new(|_: &str| {
        AgentAnswer::rows((0..340).map(|n| [("x", format!("{n}{}", "x".repeat(100_000)))]))
    });
    let mut host = world.host_with("web", &world.secret, answering).await;
    host.form = Form::Old;
    let id = world.admin.start("select x").await;
    host.poll().await.expect("it is told success");
    assert_eq!(host.unsent(), 0);
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(failures(&events)["web"], "RESULT_TOO_LARGE");
}

/// A body that is too large and of nobody we know: who has no key enrolls, who shows none is refused.
async fn s08_too_large_of_nobody(world: World) {
    let server = world.server.address;
    let padding = "x".repeat(33 << 20);
    let unknown = format!("{{\"queries\":{{}},\"x\":\"{padding}\",\"node_key\":\"{}\"}}", "A".repeat(43));
    assert_node_invalid(&post(server, "distributed/write", &[], unknown).await);
    let none = format!("{{\"queries\":{{}},\"x\":\"{padding}\",\"node_key\":\"\"}}");
    assert_node_invalid(&post(server, "distributed/write", &[], none).await);
    let host = world.host("web").await;
    // A key in the middle is not seen, and nobody is blamed for that; at the beginning it is.
    let hidden = format!("{{\"x\":\"{padding}\",\"node_key\":\"k\",\"y\":\"{}\"}}", &padding[..10_000]);
    let response = post(server, "distributed/write", &[], hidden).await;
    assert_eq!(response.status, 413);
    assert_retry(&response);
    let key = host.node_key.clone().expect("enrolled");
    let first = format!("{{\"node_key\":\"{key}\",\"x\":\"{padding}\"}}");
    assert_success(&post(server, "distributed/write", &[], first).await);
    let small = format!("{{\"x\":\"{padding}\",\"node_key\":\"{}\"}}", host.node_key.expect("enrolled"));
    for endpoint in ["enroll", "config", "distributed/read"] {
        let response = post(server, endpoint, &[], &small).await;
        assert_eq!(response.status, 413, "{endpoint}");
        assert_retry(&response);
    }
}

/// A body without a length over its limit is drained too.
async fn s08_chunked(world: World) {
    let host = world.host("web").await;
    let text = json!({ "x": "x".repeat(100_000), "node_key": host.node_key }).to_string();
    let (one, two) = text.split_at(50_000);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    let headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    let request = wire::request("POST", "/api/osquery/config", &headers, chunks.as_bytes());
    let response = send(world.server.address, &request).await;
    assert_eq!(response.status, 413);
    assert_retry(&response);
}

/// Nesting that would overflow a stack hurts nobody, at every endpoint; what can't be kept of it is thanked for, or
/// the agent would send it for ever.
async fn t32_deep_nesting(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let id = world.admin.start("select 1").await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for endpoint in ENDPOINTS {
            for member in ["data", "queries", "host_details", "x"] {
                let document = format!(
                    "{{\"{member}\":{deep},\"log_type\":\"result\",\"host_identifier\":\"x\",\"node_key\":\"{key}\"}}"
                );
                let response = post(world.server.address, endpoint, &[], document).await;
                match endpoint {
                    // It shows no secret.
                    "enroll" => assert_eq!(response.status, 401, "{member}"),
                    _ => assert_success(&response),
                }
            }
        }
        let lines = format!(
            "{{\"data\":[{deep},{{\"name\":\"kept\"}}],\"log_type\":\"result\",\"node_key\":\"{key}\"}}"
        );
        assert_success(&post(world.server.address, "log", &[], lines).await);
        let rows = format!(
            "{{\"queries\":{{\"campaign_000000000001\":[{{\"a\":{deep}}}]}},\"node_key\":\"{key}\"}}"
        );
        assert_success(&post(world.server.address, "distributed/write", &[], rows).await);
    }
    assert_eq!(
        world.admin.campaign(&id).await["totals"]["rows"],
        1,
        "a deep value is kept as its text, once"
    );
    let kept = spooled(world.server.data(), "result");
    assert_eq!(kept.len(), 2, "deep lines are not kept, and cost no other line");
    let absurd = format!("{{\"x\":{}", "[".repeat(200_000));
    assert_retry(&post(world.server.address, "log", &[], absurd).await);
}

/// Machines whose firmware has the same filler for a UUID, and that call themselves by it, stay apart.
async fn e09_filler_uuids(world: World) {
    let filler = "03000200-0400-0500-0006-000700080009";
    for name in ["one", "two"] {
        let document = body::enroll(Form::Modern, &world.secret, &Identity::linux(name));
        let mut document: Value = serde_json::from_slice(&document).expect("it is JSON");
        document["host_identifier"] = json!(filler);
        document["host_details"]["system_info"]["uuid"] = json!(filler);
        let response = post(world.server.address, "enroll", &[], document.to_string()).await;
        assert!(object(&response)["node_key"].is_string());
    }
    let found = world.admin.ask("{ hosts(first: 10) { totalCount } }", json!({})).await;
    assert_eq!(found["hosts"]["totalCount"], 2);
}
