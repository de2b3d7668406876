//! The agent contract, parts R and W: order, bounds, repetitions.

use serde_json::{Map, Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::agent::raw::{assert_success, object, post};
use crate::harness::agent::{Form, body};
use crate::harness::campaign::rows_by_host;
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

/// What an agent takes at most.
const AGENT_LIMIT: usize = 8 << 20;

on_both!(
    r11_ids_sort_by_age,
    r13_sql_that_says_nothing,
    t23_bounded_answers,
    w04_oldest_floor,
    w13_twice,
    w18_column_order,
    w21_first_wins
);

/// Agents run queries by id: the oldest campaign has the first.
async fn r11_ids_sort_by_age(world: World) {
    let mut host = world.host("web").await;
    for number in 0..12 {
        world.admin.start(&format!("select {number}")).await;
    }
    host.read().await.expect("a check-in");
    let asked: Vec<_> = host.ledger.asked.iter().map(|(_, sql)| sql.clone()).collect();
    assert_eq!(asked, (0..12).map(|number| format!("select {number}")).collect::<Vec<_>>());
}

/// SQL that an agent fails on, or of which it loses columns, reaches none: empty, only a comment, or several
/// statements (R14). A NUL, which would cut it short, is replaced.
async fn r13_sql_that_says_nothing(world: World) {
    let mut host = world.host("web").await;
    for sql in ["", " ", "-- x", "/* x */", ";", "select 1; select 2"] {
        let input = json!({ "source": { "sql": sql }, "targets": { "allHosts": true } });
        let started = world.admin.mutate("startCampaign", "campaign { id }", input).await;
        assert_eq!(started["userErrors"][0]["code"], "SQL_INVALID", "{sql:?}: {started}");
    }
    host.read().await.expect("a check-in");
    assert_eq!(host.ledger.asked, []);
    world.admin.start("select '\0é\u{1F600}'").await;
    host.read().await.expect("a check-in");
    assert_eq!(host.ledger.asked[0].1, "select '\u{fffd}é\u{1F600}'", "C19");
}

/// The largest answer to a read, of as many queries as are handed out and as long as a request may
/// bring them, is one that an agent takes.
async fn t23_bounded_answers(world: World) {
    let mut host = world.host("web").await;
    for number in 0..20 {
        let sql = format!("select {number}, '{}'", "\u{1}".repeat(40_000));
        world.admin.start(&sql).await;
    }
    let keyed = body::keyed(host.node_key.as_deref().expect("enrolled"));
    let response = post(world.server.address, "distributed/read", &[], keyed).await;
    assert!(response.body.len() > AGENT_LIMIT / 2, "{}", response.body.len());
    assert!(response.body.len() < AGENT_LIMIT, "{}", response.body.len());
    assert_eq!(object(&response)["queries"].as_object().map(Map::len), Some(20));
    host.poll().await.expect("the agent takes it, and answers");
    assert_eq!(host.ledger.accepted.len(), 20);
}

/// An agent of before 3.2 enrolls, is asked, fails and answers nothing, all in its own forms.
async fn w04_oldest_floor(world: World) {
    let answers = std::sync::Arc::new(|sql: &str| match sql {
        "select 0" => AgentAnswer::empty(),
        "select 1" => AgentAnswer::failure("no such table: x"),
        _ => AgentAnswer::one("a", "é"),
    });
    let mut host = world.host_with("web", &world.secret, answers).await;
    (host.form, host.node_key) = (Form::Old, None);
    let mut totals = Vec::new();
    for number in 0..3 {
        totals.push(world.admin.start(&format!("select {number}")).await);
    }
    host.config().await.expect("a configuration");
    host.poll().await.expect("answers");
    for (number, id) in totals.iter().enumerate() {
        let totals = world.admin.campaign(id).await["totals"].clone();
        let expected = [(0, 0), (1, 0), (0, 1)][number];
        assert_eq!(
            (&totals["failed"], &totals["rows"]),
            (&json!(expected.0), &json!(expected.1)),
            "select {number}"
        );
        assert_eq!(totals["responded"], 1);
    }
}

/// The same answer twice is one answer, and success both times.
async fn w13_twice(world: World) {
    let (id, query, key) = asked(&world).await;
    let document = json!({ "queries": { &query: [{ "a": "1" }, { "a": "2" }] }, "statuses": { &query: 0 }, "node_key": key });
    for _ in 0..3 {
        assert_success(&post(world.server.address, "distributed/write", &[], document.to_string()).await);
    }
    assert_eq!(world.admin.campaign(&id).await["totals"]["rows"], 2);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// Columns are shown in the order of the SELECT.
async fn w18_column_order(world: World) {
    let (id, query, key) = asked(&world).await;
    let row = "{\"z\":\"1\",\"a\":\"2\",\"m\":\"3\",\"B\":\"4\"}";
    let document = format!("{{\"queries\":{{\"{query}\":[{row},{row}]}},\"node_key\":\"{key}\"}}");
    assert_success(&post(world.server.address, "distributed/write", &[], document).await);
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(Value::from(rows_by_host(&events)["web"].clone()).to_string(), format!("[{row},{row}]"));
}

/// A query that an agent ran again brings other rows: the first answer stays, and there is no second one.
async fn w21_first_wins(world: World) {
    let (id, query, key) = asked(&world).await;
    for value in ["first", "second"] {
        let document =
            json!({ "queries": { &query: [{ "a": value }] }, "statuses": { &query: 0 }, "node_key": key });
        assert_success(&post(world.server.address, "distributed/write", &[], document.to_string()).await);
    }
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(rows_by_host(&events)["web"], [json!({ "a": "first" })]);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// A campaign over one host: its id, the id of its query, and the key of the host.
async fn asked(world: &World) -> (String, String, String) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select a").await;
    host.read().await.expect("a check-in");
    (id, host.ledger.asked[0].0.clone(), host.node_key.expect("enrolled"))
}
