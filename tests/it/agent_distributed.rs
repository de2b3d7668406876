//! The agent contract, parts R and W: distributed read and write, by number.

use std::sync::Arc;

use serde_json::{Value, json};

use Meaning::{Failure, Rows};

use crate::harness::agent::raw::{assert_node_invalid, assert_success, object, post};
use crate::harness::agent::{Agent, AgentAnswer, Form, body};
use crate::harness::campaign::{failures, rows_by_host};
use crate::harness::wire::Response;
use crate::harness::world::{World, on_both};

/// What a result means.
enum Meaning {
    Rows(&'static str),
    Failure(&'static str),
}

/// Results by number, the members as they are sent with `ID` for the query id, and what each means.
const FORMS: [(&str, &str, Meaning); 16] = [
    ("w01", r#"{"queries":{"ID":[{"a":"1"}]},"statuses":{"ID":0}}"#, Rows(r#"[{"a":"1"}]"#)),
    ("w02", r#"{"queries":{"ID":[]},"statuses":{"ID":0}}"#, Rows("[]")),
    (
        "w03",
        r#"{"queries":{"ID":[]},"statuses":{"ID":1},"messages":{"ID":"no such table: x"}}"#,
        Failure("TABLE_NOT_FOUND"),
    ),
    ("w04", r#"{"queries":{"ID":""},"statuses":{"ID":"0"}}"#, Rows("[]")),
    ("w05-text", r#"{"queries":{"ID":[{"a":"1"}]},"statuses":{"ID":"0"}}"#, Rows(r#"[{"a":"1"}]"#)),
    ("w05-failed", r#"{"queries":{"ID":""},"statuses":{"ID":"1"}}"#, Failure("UNKNOWN")),
    ("w05-two", r#"{"queries":{"ID":[]},"statuses":{"ID":2}}"#, Failure("UNKNOWN")),
    ("w05-none", r#"{"queries":{"ID":[{"a":"1"}]}}"#, Rows(r#"[{"a":"1"}]"#)),
    (
        "w06",
        r#"{"queries":{"ID":[{"a":"1"}]},"statuses":{"ID":0},"messages":{"ID":5}}"#,
        Rows(r#"[{"a":"1"}]"#),
    ),
    ("w07-empty", r#"{"queries":{"ID":[{"a":"1"}]},"statuses":{"ID":0},"stats":{}}"#, Rows(r#"[{"a":"1"}]"#)),
    (
        "w07-text",
        r#"{"queries":{"ID":[]},"statuses":{"ID":0},"stats":{"ID":{"wall_time_ms":"12"}}}"#,
        Rows("[]"),
    ),
    ("w08-no-entry", r#"{"queries":{},"statuses":{"ID":1}}"#, Failure("UNKNOWN")),
    (
        "w08-no-queries",
        r#"{"statuses":{"ID":1},"messages":{"ID":"near \"x\": syntax error"}}"#,
        Failure("SQL_ERROR"),
    ),
    ("w10", r#"{"queries":{"ID":[{},{}]},"statuses":{"ID":0}}"#, Rows("[{},{}]")),
    (
        "w19",
        r#"{"queries":{"ID":[{"z":"1e+20.0","a":"inf.0","b":""}]}}"#,
        Rows(r#"[{"z":"1e+20.0","a":"inf.0","b":""}]"#),
    ),
    (
        "w20",
        r#"{"statuses":{"ID":1},"messages":{"ID":"distributed query is denylisted"}}"#,
        Failure("DENYLISTED"),
    ),
];

on_both!(
    r01_idle,
    r02_pending,
    r04_campaign_over,
    r06_asked_again,
    w01_to_w20_forms,
    w09_values,
    w11_bytes,
    w12_dropped,
    w16_unknown_key,
    w17_one_malformed,
    w22_no_results,
    w14_too_large,
    r15_no_key
);

/// Nothing pending is an empty success.
async fn r01_idle(world: World) {
    let host = world.host("web").await;
    let response = post(world.server.address, "distributed/read", &[], body::keyed(&key(&host))).await;
    assert_success(&response);
    assert!(object(&response).get("queries").is_none_or(|queries| *queries == json!({})));
}

/// What is pending: plain ids, SQL as it was typed, and an integer to hurry by; a string for the oldest agents.
/// Cases R07, R08, R09.
async fn r02_pending(world: World) {
    let mut host = world.host("web").await;
    let sql = "select 'ü\u{1F600}' as x -- \"quoted\"\n from time where 1 < 2";
    world.admin.start(sql).await;
    host.read().await.expect("a check-in");
    let (id, asked) = host.ledger.asked[0].clone();
    assert_eq!(asked, sql);
    assert!((1..=64).contains(&id.len()), "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "R10: {id}");
    assert_eq!(host.ledger.accelerate, Some(json!(60)), "R03");
    let told = post(world.server.address, "distributed/read", &[], body::keyed(&key(&host))).await;
    assert!(
        !object(&told).contains_key("discovery"),
        "agents before 5.8 misread it, others lose all by one mistake"
    );
    host.form = Form::Old;
    host.read().await.expect("a check-in");
    assert_eq!(host.ledger.accelerate, Some(json!("60")), "R03, before 3.2.3");
    assert_eq!(host.ledger.asked[1].0, id, "R05: offered again under the same id");
}

/// Nothing hurries an agent when the campaign is over.
async fn r04_campaign_over(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select 1").await;
    world.admin.stop(&id).await;
    host.read().await.expect("a check-in");
    assert!(matches!(host.ledger.accelerate.as_ref(), None | Some(Value::Number(_))));
    assert_ne!(host.ledger.accelerate, Some(json!(60)));
}

/// Two reads at once, and an agent that dies after reading: it is asked again.
async fn r06_asked_again(world: World) {
    let mut host = world.host("web").await;
    world.admin.start("select 1").await;
    let read = || post(world.server.address, "distributed/read", &[], body::keyed(&key(&host)));
    let (one, two) = tokio::join!(read(), read());
    assert_eq!(object(&one)["queries"], object(&two)["queries"], "R16");
    host.poll().await.expect("an answer");
    assert_eq!(host.ledger.accepted.len(), 1);
}

/// Every form of a result that agents have had means what it means.
async fn w01_to_w20_forms(world: World) {
    for (name, members, meaning) in FORMS {
        let mut host = world.host(name).await;
        let id = world.admin.start_on("select a", json!({ "filter": { "search": name } })).await;
        assert_success(&write(&world, &mut host, members).await);
        let events = world.admin.follow(&id, None).await.to_the_end().await;
        match meaning {
            Rows(rows) => assert_eq!(json!(rows_by_host(&events)[name]).to_string(), rows, "{name}"),
            Failure(code) => assert_eq!(failures(&events)[name], code, "{name}"),
        }
    }
}

/// Values that are no text become text; the batch is not refused for them.
async fn w09_values(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select a").await;
    let members =
        json!({ "queries": { "ID": [{ "a": null, "b": 5, "c": true, "d": { "e": [1] }, "f": 1.5 }] } });
    assert_success(&write(&world, &mut host, &members.to_string()).await);
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    let row = rows_by_host(&events)["web"][0].clone();
    assert_eq!((&row["b"], &row["f"]), (&json!("5"), &json!("1.5")));
    assert!(
        row.as_object().is_some_and(|row| row.values().all(|value| value.is_string() || value.is_null())),
        "{row}"
    );
}

/// Bytes that are not UTF-8, NULs and lone surrogates cost only themselves.
async fn w11_bytes(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select a").await;
    let template = "{\"queries\":{\"ID\":[{\"a\":\"RAW\",\"b\":\"x\\u0000y\",\"c\":\"\\ud800\"}]},\"statuses\":{\"ID\":0}}";
    let asked = asked(&mut host).await;
    let text = with_key(template, &asked, &key(&host));
    let at = text.find("RAW").expect("it is there");
    let raw = [&text.as_bytes()[..at], b"\xff\xfe\xe9", &text.as_bytes()[at + 3..]].concat();
    assert_success(&post(world.server.address, "distributed/write", &[], raw).await);
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    let row = rows_by_host(&events)["web"][0].clone();
    assert_eq!(row["a"], "\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!((&row["b"], &row["c"]), (&json!("x\u{fffd}y"), &json!("\u{fffd}")));
}

/// What can never be accepted is dropped with success: unknown, foreign, hostile and ended ids. Fault F17.
async fn w12_dropped(world: World) {
    let (mut host, mut other) = (world.host("web").await, world.host("other").await);
    let id = world.admin.start_on("select 1", json!({ "filter": { "search": "other" } })).await;
    let theirs = asked(&mut other).await;
    let row = "[{\"a\":\"1\"}]";
    for id in [
        theirs.as_str(),
        "1",
        "0",
        "-1",
        "99999999999999999999999",
        "x",
        "",
        "cmp_0000000000000000000000",
        "a.b/c d",
        "\\u0000",
    ] {
        let members = format!("{{\"queries\":{{\"{id}\":{row}}},\"statuses\":{{\"{id}\":0}}}}");
        assert_success(&write(&world, &mut host, &members).await);
    }
    assert_eq!(world.admin.campaign(&id).await["totals"]["responded"], 0, "nobody answers for another");
    other.poll().await.expect("an answer");
    other.remember(&theirs, AgentAnswer::one("a", 2));
    other.write().await.expect("a late duplicate is taken, and dropped");
    assert_eq!(world.admin.campaign(&id).await["totals"]["rows"], 1);
}

/// A key that is not known: the agent enrolls again and repeats, and its answer counts for the host.
async fn w16_unknown_key(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select name").await;
    host.read().await.expect("a check-in");
    host.node_key = Some("A".repeat(43));
    host.write().await.expect("it enrolls again, and repeats");
    assert_eq!(host.ledger.enrollments, 2);
    assert_eq!(world.admin.campaign(&id).await["totals"]["succeeded"], 1);
}

/// One malformed result among many costs only itself.
async fn w17_one_malformed(world: World) {
    let mut host = world.host("web").await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.admin.start(&format!("select {number}")).await);
    }
    host.read().await.expect("a check-in");
    let mut queries = json!({});
    for (id, sql) in &host.ledger.asked {
        queries[id] = if sql == "select 1" { json!([5]) } else { json!([{ "a": "1" }]) };
    }
    let document = json!({ "queries": queries, "node_key": key(&host) });
    assert_success(&post(world.server.address, "distributed/write", &[], document.to_string()).await);
    for (number, id) in ids.iter().enumerate() {
        let totals = world.admin.campaign(id).await["totals"].clone();
        assert_eq!(totals["responded"], 1, "select {number}");
        assert_eq!(totals["failed"], u64::from(number == 1), "select {number}");
    }
}

/// Documents that are no result of anything.
/// Case W23.
async fn w22_no_results(world: World) {
    let host = world.host("web").await;
    for members in ["{}", "{\"queries\":[]}", "{\"queries\":\"x\"}", "{\"queries\":null,\"statuses\":5}"] {
        let text = with_key(members, "", &key(&host));
        object(&post(world.server.address, "distributed/write", &[], text).await);
    }
}

/// A result over the body limit is drained, told to the viewer as a failure, and never asked for again.
async fn w14_too_large(world: World) {
    let answering = Arc::new(|_: &str| {
        AgentAnswer::rows((0..340).map(|n| [("x", format!("{n}{}", "x".repeat(100_000)))]))
    });
    let mut host = world.host_with("web", &world.secret, answering).await;
    let id = world.admin.start("select x").await;
    host.poll().await.expect("it is told success, or it would send it for ever");
    assert_eq!(host.unsent(), 0);
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(failures(&events)["web"], "RESULT_TOO_LARGE");
    host.poll().await.expect("a check-in");
    assert_eq!(host.ledger.asked.len(), 1, "not asked again");
}

/// A host without a key is told so, whatever it writes.
async fn r15_no_key(world: World) {
    assert_node_invalid(&post(world.server.address, "distributed/read", &[], "{\"node_key\":\"\"}").await);
    assert_node_invalid(&post(world.server.address, "distributed/write", &[], "{\"queries\":{}}").await);
}

/// Reads what the host is asked and writes these members, `ID` standing for the query id.
async fn write(world: &World, host: &mut Agent, members: &str) -> Response {
    let text = if members.contains("\"ID\"") {
        let id = asked(host).await;
        with_key(members, &id, &key(host))
    } else {
        with_key(members, "", &key(host))
    };
    post(world.server.address, "distributed/write", &[], text).await
}

/// The id of the newest query that the host is asked.
async fn asked(host: &mut Agent) -> String {
    host.read().await.expect("a check-in");
    host.ledger.asked.last().expect("it is asked something").0.clone()
}

/// The members with the query id in its places and the key at the end, as osquery writes it.
fn with_key(members: &str, id: &str, key: &str) -> String {
    let members = members.replace("\"ID\"", &format!("\"{id}\""));
    let separator = if members == "{}" { "" } else { "," };
    format!("{}{separator}\"node_key\":\"{key}\"}}", members.strip_suffix('}').expect("an object"))
}

fn key(host: &Agent) -> String {
    host.node_key.clone().expect("enrolled")
}
