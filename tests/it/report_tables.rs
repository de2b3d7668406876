//! Reports as tables: chosen, sorted, in pages, exported.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::wire;
use crate::harness::within_deadline;
use crate::harness::world::{World, on_both};

on_both!(chosen_and_sorted, pages_stay_correct, of_hosts_in_sight, exports);

/// Conditions and orders, over all hosts of a query and in one report.
async fn chosen_and_sorted(world: World) {
    let query = three_hosts(&world).await;
    let all = |more: &str| format!("first: 100{more}");
    for (arguments, expected) in [
        (all(", orderBy: { column: \"size\" }"), vec!["a-2", "b-9", "a-10", "b-20", "c-30", "c-x"]),
        (
            all(", orderBy: { column: \"size\", direction: DESC }"),
            vec!["c-x", "c-30", "b-20", "a-10", "b-9", "a-2"],
        ),
        (
            all(
                ", orderBy: { column: \"size\" }, where: [{ column: \"size\", operator: GREATER_THAN, value: \"9\" }]",
            ),
            vec!["a-10", "b-20", "c-30", "c-x"],
        ),
        (all(", where: [{ column: \"name\", value: \"b-9\" }]"), vec!["b-9"]),
        (
            all(
                ", where: [{ column: \"name\", operator: STARTS_WITH, value: \"A\" }, { column: \"size\", operator: LESS_THAN, value: \"5\" }]",
            ),
            vec!["a-2"],
        ),
        (all(", orderBy: { column: \"size\" }, hosts: { search: \"host-2\" }"), vec!["c-30", "c-x"]),
        (all(", where: [{ column: \"nothing\", value: \"\" }]"), vec![]),
    ] {
        assert_eq!(names(&page(&world.admin, &query, &arguments).await), expected, "{arguments}");
    }
    let of_one = "{ hosts(first: 1, filter: { search: \"host-1\" }) { nodes { reports(first: 1) { nodes { state
        reportRows(first: 10, orderBy: { column: \"size\", direction: DESC }) { nodes { values host { hostname } } } } } } } }";
    let seen = world.admin.ask(of_one, json!({})).await;
    let report = seen["hosts"]["nodes"][0]["reports"]["nodes"][0].clone();
    assert_eq!(report["state"], "ROWS");
    let expected = json!([
        { "values": { "name": "b-20", "size": "20" }, "host": { "hostname": "host-1" } },
        { "values": { "name": "b-9", "size": "9" }, "host": { "hostname": "host-1" } },
    ]);
    assert_eq!(report["reportRows"]["nodes"], expected);
    let conditions = (0..21).map(|_| "{ column: \"a\", value: \"a\" }").collect::<Vec<_>>().join(" ");
    let refused = ask(&world.admin, &query, &format!("where: [{conditions}]")).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
}

/// Every row comes once, whatever the page; rows that come and go meanwhile move no other. A cursor is of its own list.
async fn pages_stay_correct(world: World) {
    let query = three_hosts(&world).await;
    let mut host = world.host("late").await;
    for order in ["", ", orderBy: { column: \"size\" }", ", orderBy: { column: \"name\", direction: DESC }"] {
        let (mut seen, mut cursor, mut number) = (Vec::new(), String::new(), 0);
        loop {
            let after = if cursor.is_empty() { String::new() } else { format!(", after: \"{cursor}\"") };
            let found = page(&world.admin, &query, &format!("first: 1{order}{after}")).await;
            seen.extend(names(&found));
            number += 1;
            if number == 2 {
                // What comes now may be in a later page, or not.
                snapshot(&world, &mut host, 100 + number, &[("late", "0"), ("later", "999")]).await;
            }
            if found["pageInfo"]["hasNextPage"] == false {
                break;
            }
            cursor = found["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned();
        }
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "{seen:?}");
        for name in ["a-2", "a-10", "b-9", "b-20", "c-30", "c-x"] {
            assert!(seen.iter().any(|known| known == name), "{name}: {seen:?}");
        }
        if !order.is_empty() {
            let foreign = ask(&world.admin, &query, &format!("first: 1, after: \"{cursor}\"")).await;
            assert_eq!(foreign["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{foreign}");
        }
    }
}

/// Who sees one team's hosts sees their rows alone.
async fn of_hosts_in_sight(world: World) {
    let query = three_hosts(&world).await;
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    let mut own = world.host_with("own", &secret, Arc::new(|_| AgentAnswer::empty())).await;
    snapshot(&world, &mut own, 100, &[("mine", "1")]).await;
    let observer = world.person("observer", Role::Observer, Some(&team)).await;
    for order in ["", "orderBy: { column: \"size\" }, "] {
        assert_eq!(names(&page(&observer, &query, &format!("{order}first: 100")).await), ["mine"]);
    }
    let gitops = world.person("gitops", Role::Gitops, Some(&team)).await;
    let refused = ask(&gitops, &query, "first: 1").await;
    assert_eq!(refused["data"]["node"]["reportRows"], Value::Null);
    let seen = observer
        .ask("query($id: ID!) { node(id: $id) { ... on SavedQuery { hosts { nodes { host { hostname } } } } } }", json!({ "id": query }))
        .await;
    assert_eq!(seen["node"]["hosts"]["nodes"], json!([{ "host": { "hostname": "own" } }]));
}

/// Reports of a query and of a host as NDJSON, CSV and JSON: what the exporter sees, harmless in spreadsheets, recorded.
async fn exports(world: World) {
    let query = three_hosts(&world).await;
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    let mut own = world.host_with("own", &secret, Arc::new(|_| AgentAnswer::empty())).await;
    snapshot(&world, &mut own, 100, &[("=cmd()", "1")]).await;
    let id = query.as_str().expect("an id");
    let lines = text(&world.admin, &format!("/queries/{id}/reports.ndjson")).await;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[4], json!({ "totals": { "reports": 4, "rows": 7 } }));
    assert_eq!((&lines[0]["hostname"], &lines[0]["query"]), (&json!("host-0"), &json!("users")));
    assert_eq!(lines[0]["rows"], json!([{ "name": "a-2", "size": "2" }, { "name": "a-10", "size": "10" }]));
    let whole: Value =
        serde_json::from_str(&text(&world.admin, &format!("/queries/{id}/reports.json")).await)
            .expect("JSON");
    assert_eq!((&whole["of"]["name"], whole["reports"].as_array().map(Vec::len)), (&json!("users"), Some(4)));
    assert_eq!(whole["totals"]["rows"], 7);
    let observer = world.person("observer", Role::Observer, Some(&team)).await;
    let table = text(&observer, &format!("/queries/{id}/reports.csv")).await;
    let mut lines = table.split("\r\n");
    assert_eq!(
        lines.next(),
        Some("\"_host\",\"_hostname\",\"_query\",\"_receivedAt\",\"name\",\"size\",\"_more\"")
    );
    let line = lines.next().expect("a row");
    assert!(line.contains("\"own\",\"users\"") && line.ends_with("\"'=cmd()\",\"1\","), "{line}");
    assert_eq!(lines.next(), Some(""), "nobody else's rows: {table}");
    let hosts = world.admin.ask("{ hosts { nodes { id hostname } } }", json!({})).await;
    for host in hosts["hosts"]["nodes"].as_array().expect("a list") {
        let target = format!("/hosts/{}/reports.ndjson", host["id"].as_str().expect("an id"));
        let is_own = host["hostname"] == "own";
        assert_eq!(get(&observer, &target).await.status, if is_own { 200 } else { 404 }, "{host}");
        assert_eq!(text(&world.admin, &target).await.lines().count(), 2);
    }
    for (person, status) in
        [(world.anonymous(), 401), (world.person("gitops", Role::Gitops, Some(&team)).await, 403)]
    {
        assert_eq!(get(&person, &format!("/queries/{id}/reports.csv")).await.status, status);
    }
    assert_eq!(get(&world.admin, "/queries/qry_nothing/reports.csv").await.status, 404);
    assert_eq!(get(&world.admin, &format!("/queries/{id}/reports.csv?after=x")).await.status, 400);
    let trail = world.admin.ask("{ activities(first: 100) { nodes { kind details } } }", json!({})).await;
    assert!(trail.to_string().contains("report.exported"), "{trail}");
}

/// Three hosts with rows of one query, whose id is answered.
async fn three_hosts(world: &World) -> Value {
    let query = schedule(world, "users", json!({})).await;
    for (number, rows) in
        [[("a-2", "2"), ("a-10", "10")], [("b-9", "9"), ("b-20", "20")], [("c-30", "30"), ("c-x", "x")]]
            .iter()
            .enumerate()
    {
        let mut host = world.host(&format!("host-{number}")).await;
        snapshot(world, &mut host, 100, rows).await;
    }
    query
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

async fn ask(person: &Person, query: &Value, arguments: &str) -> Value {
    let document = format!(
        "query($id: ID!) {{ node(id: $id) {{ ... on SavedQuery {{ reportRows({arguments}) {{
            nodes {{ values }} pageInfo {{ hasNextPage endCursor }} }} }} }} }}"
    );
    person.gql(&document, json!({ "id": query })).await
}

async fn page(person: &Person, query: &Value, arguments: &str) -> Value {
    let seen = ask(person, query, arguments).await;
    assert!(seen.get("errors").is_none(), "{seen}");
    seen["data"]["node"]["reportRows"].clone()
}

fn names(page: &Value) -> Vec<String> {
    let rows = page["nodes"].as_array().expect("a list").iter();
    rows.map(|row| row["values"]["name"].as_str().expect("a name").to_owned()).collect()
}

async fn get(person: &Person, target: &str) -> wire::Response {
    let authorization = person.token.as_ref().map(|token| format!("Bearer {token}"));
    let headers: Vec<_> =
        authorization.as_deref().map(|value| ("Authorization", value)).into_iter().collect();
    let request = wire::request("GET", target, &headers, b"");
    within_deadline("an export", wire::exchange(person.server, &request)).await.expect("it answers")
}

async fn text(person: &Person, target: &str) -> String {
    let response = get(person, target).await;
    assert_eq!(response.status, 200, "{target}");
    String::from_utf8(response.body).expect("UTF-8")
}
