//! What became of each query on each host, and what queries cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::world::{World, on_both};

on_both!(three_states, denylisted_since, costs_of_what_is_asked);

/// Never answered, empty and rows are three things, and what is not kept a fourth; by host and by query.
async fn three_states(world: World) {
    let mut hosts = world.hosts(2).await;
    for (name, more) in [
        ("full", json!({})),
        ("empty", json!({})),
        ("silent", json!({})),
        ("unkept", json!({ "discardData": true })),
        ("foreign", json!({ "platform": "windows" })),
    ] {
        schedule(&world, name, more).await;
    }
    let line = |name: &str, rows: Value| {
        json!({ "name": name, "unixTime": 100, "snapshot": rows, "action": "snapshot" }).to_string()
    };
    hosts[0].log(
        "result",
        [line("full", json!([{ "a": "1" }])), line("empty", json!([])), line("unkept", json!([{}]))],
    );
    hosts[0].flush_logs().await.expect("the lines are taken");
    world.server.tick().await;
    let asked = "query($states: [ReportState!], $after: String) { hosts(filter: { search: \"host-0\" }) { nodes {
        scheduledQueries(first: 2, after: $after, states: $states) { nodes { name state savedQuery { name } report { rowCount } }
        pageInfo { hasNextPage endCursor } } } } }";
    let first = world.admin.ask(asked, json!({})).await["hosts"]["nodes"][0]["scheduledQueries"].clone();
    let expected = json!([
        { "name": "full", "state": "ROWS", "savedQuery": { "name": "full" }, "report": { "rowCount": "1" } },
        { "name": "empty", "state": "EMPTY", "savedQuery": { "name": "empty" }, "report": { "rowCount": "0" } },
    ]);
    assert_eq!(first["nodes"], expected);
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let rest = json!({ "after": first["pageInfo"]["endCursor"] });
    let rest = world.admin.ask(asked, rest).await["hosts"]["nodes"][0]["scheduledQueries"]["nodes"].clone();
    let states: Vec<_> =
        rest.as_array().expect("a list").iter().map(|one| (&one["name"], &one["state"])).collect();
    assert_eq!(
        states,
        [(&json!("silent"), &json!("NEVER_ANSWERED")), (&json!("unkept"), &json!("NOT_KEPT"))]
    );
    let silent = world.admin.ask(asked, json!({ "states": ["NEVER_ANSWERED"] })).await;
    assert_eq!(silent["hosts"]["nodes"][0]["scheduledQueries"]["nodes"].as_array().map(Vec::len), Some(1));
    for (query, state, found) in [
        ("full", "ROWS", vec!["host-0"]),
        ("full", "NEVER_ANSWERED", vec!["host-1"]),
        ("empty", "EMPTY", vec!["host-0"]),
        ("empty", "ROWS", vec![]),
        ("silent", "NEVER_ANSWERED", vec!["host-0", "host-1"]),
        ("unkept", "NOT_KEPT", vec!["host-0", "host-1"]),
        ("unkept", "NEVER_ANSWERED", vec![]),
        ("foreign", "NEVER_ANSWERED", vec![]),
    ] {
        assert_eq!(hosts_of(&world, query, state).await, found, "{query} {state}");
    }
}

/// What osquery refuses to run is told with the time since when, in the host, in the query and in its report.
async fn denylisted_since(world: World) {
    let server = world.server.restart_with(&[("due.vitals_interval", "1m")]).await;
    let world = World { server, ..world };
    let denylisted = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&denylisted);
    let answering = move |sql: &str| {
        if !sql.contains("from osquery_schedule") {
            return AgentAnswer::empty();
        }
        let is = if now.load(Ordering::Relaxed) { "1" } else { "0" };
        AgentAnswer::rows([[
            ("name", "users".to_owned()),
            ("denylisted", is.to_owned()),
            ("wall_time_ms", "7".to_owned()),
        ]])
    };
    let mut host = world.host_with("web", &world.secret, Arc::new(answering)).await;
    schedule(&world, "users", json!({})).await;
    host.poll().await.expect("a check-in");
    let first = states_of(&world).await;
    assert_eq!((&first["state"], &first["report"]), (&json!("DENYLISTED"), &Value::Null));
    assert_eq!(hosts_of(&world, "users", "DENYLISTED").await, ["web"]);
    assert_eq!(hosts_of(&world, "users", "NEVER_ANSWERED").await, Vec::<String>::new());
    snapshot(&world, &mut host, 100, &[("a", "1")]).await;
    world.server.advance(Duration::from_secs(61));
    host.poll().await.expect("a check-in");
    let again = states_of(&world).await;
    assert_eq!(again["denylistedSince"], first["denylistedSince"], "since it was first told");
    assert_eq!(again["report"]["state"], "DENYLISTED");
    assert_eq!(again["report"]["denylistedSince"], first["denylistedSince"]);
    let health = "{ savedQueries { nodes { health { source isDenylisted denylistedSince wallTimeMs } } } }";
    let health = world.admin.ask(health, json!({})).await["savedQueries"]["nodes"][0]["health"][0].clone();
    let expected = json!({ "source": "SCHEDULE", "isDenylisted": true,
        "denylistedSince": first["denylistedSince"], "wallTimeMs": "7" });
    assert_eq!(health, expected);
    denylisted.store(false, Ordering::Relaxed);
    world.server.advance(Duration::from_secs(61));
    host.poll().await.expect("a check-in");
    let runs = states_of(&world).await;
    assert_eq!((&runs["state"], &runs["denylistedSince"]), (&json!("ROWS"), &Value::Null));
}

/// What queries cost that hosts are asked is summed, by host and by saved query, worst first.
async fn costs_of_what_is_asked(world: World) {
    let server = world.server.restart_with(&[("due.vitals_interval", "1h")]).await;
    let world = World { server, ..world };
    let slow = |sql: &str| {
        let mut answer = AgentAnswer::one("a", "1");
        answer.wall_time_ms = Some(if sql == "select 'slow'" { 5_000 } else { 2 });
        answer
    };
    let mut host = world.host_with("web", &world.secret, Arc::new(slow)).await;
    host.poll().await.expect("a check-in");
    let new = json!({ "name": "slow", "sql": "select 'slow'" });
    let query =
        world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await["savedQuery"]["id"].clone();
    for _ in 0..2 {
        let start = json!({ "source": { "savedQueryId": query }, "targets": { "allHosts": true } });
        let started = world.admin.mutate("startCampaign", "campaign { id }", start).await;
        assert!(started["campaign"]["id"].is_string(), "{started}");
        host.poll().await.expect("a check-in");
    }
    world.admin.start("select 'of nobody'").await;
    host.poll().await.expect("a check-in");
    world.server.tick().await;
    let asked = "{ hosts { nodes { queryHealth(first: 3) { source name executions wallTimeMs userTimeMs averageMemoryBytes
        outputBytes host { hostname } } } } savedQueries { nodes { health { source executions wallTimeMs } } } }";
    let seen = world.admin.ask(asked, json!({})).await;
    let worst = &seen["hosts"]["nodes"][0]["queryHealth"];
    let expected = json!({ "source": "LIVE", "name": "slow", "executions": "2", "wallTimeMs": "10000",
        "userTimeMs": "10000", "averageMemoryBytes": "40960", "outputBytes": null, "host": { "hostname": "web" } });
    assert_eq!(worst[0], expected);
    assert_eq!((&worst[1]["source"], &worst[1]["executions"]), (&json!("VITAL"), &json!("1")));
    assert_eq!(worst.as_array().map(Vec::len), Some(3));
    let of_query = json!([{ "source": "LIVE", "executions": "2", "wallTimeMs": "10000" }]);
    assert_eq!(seen["savedQueries"]["nodes"][0]["health"], of_query);
    let team = world.team("berlin").await;
    let new = json!({ "name": "own", "sql": "select 'slow'", "teamId": team.public_id.0 });
    world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
    let observer = world.person("observer", Role::Observer, Some(&team)).await;
    let seen = observer.ask("{ savedQueries { nodes { health { executions } } } }", json!({})).await;
    assert!(!seen.to_string().contains("executions"), "the host is of no team of theirs: {seen}");
}

/// Makes a query that runs each minute, and answers its id.
async fn schedule(world: &World, name: &str, mut schedule: Value) -> Value {
    schedule["interval"] = json!(60);
    let new = json!({ "name": name, "sql": "select 1", "schedule": schedule });
    let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
    assert!(made["savedQuery"]["id"].is_string(), "{made}");
    made["savedQuery"]["id"].clone()
}

/// Has a host log all rows of `users`, and makes its report.
async fn snapshot(world: &World, host: &mut Agent, time: i64, rows: &[(&str, &str)]) {
    let rows: Vec<Value> = rows.iter().map(|(name, size)| json!({ "name": name, "size": size })).collect();
    let line = json!({ "name": "users", "unixTime": time, "snapshot": rows, "action": "snapshot" });
    host.log("result", [line.to_string()]);
    host.flush_logs().await.expect("the lines are taken");
    world.server.tick().await;
}

/// The names of the hosts on which a query is in a state.
async fn hosts_of(world: &World, query: &str, state: &str) -> Vec<String> {
    let asked =
        "query($search: String, $states: [ReportState!]) { savedQueries(search: $search) { nodes { name
        hosts(states: $states) { nodes { state host { hostname } } } } } }";
    let seen = world.admin.ask(asked, json!({ "search": query, "states": [state] })).await;
    let hosts = seen["savedQueries"]["nodes"][0]["hosts"]["nodes"].as_array().expect("a list").clone();
    assert!(hosts.iter().all(|host| host["state"] == state), "{hosts:?}");
    hosts.iter().map(|host| host["host"]["hostname"].as_str().expect("a name").to_owned()).collect()
}

/// What became of the first query on the first host.
async fn states_of(world: &World) -> Value {
    let asked = "{ hosts { nodes { scheduledQueries { nodes { state denylistedSince
        report { state denylistedSince } } } } } }";
    let seen = world.admin.ask(asked, json!({})).await;
    seen["hosts"]["nodes"][0]["scheduledQueries"]["nodes"][0].clone()
}
