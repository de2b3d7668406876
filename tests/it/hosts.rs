//! Hosts as people see them: what they said of themselves, lists, pages, states.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

const PAGE: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $filter: HostFilter, $sort: HostSort) {
    hosts(first: $first, after: $after, last: $last, before: $before, filter: $filter, sort: $sort) {
        nodes { hostname } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

on_both!(details, pages, ties, filters, states, bad_pages, deletion, transfer);

/// What a host told at its enrollment is shown.
async fn details(world: World) {
    let _host = world.host("web").await;
    let query = "{ hosts(first: 1) { nodes { hostname hostIdentifier uuid serialNumber platform osVersion osqueryVersion
        status enrolledAt lastSeenAt memoryBytes team { name } labels { nodes { name kind } } } } }";
    let mut host = world.admin.ask(query, json!({})).await["hosts"]["nodes"][0].clone();
    let labels = host["labels"]["nodes"].take();
    assert!(
        labels.as_array().is_some_and(|labels| labels.len() >= 2),
        "all hosts, and its platform: {labels}"
    );
    assert_eq!(labels[0]["kind"], "BUILT_IN");
    let os = host["osVersion"].take();
    assert!(os.as_str().is_some_and(|os| os.contains("Debian")), "{os}");
    let seen = host["lastSeenAt"].take();
    assert_eq!(seen, "2026-11-22T12:00:00.000Z");
    assert_eq!(
        host,
        json!({
            "hostname": "web", "hostIdentifier": "web-identifier", "uuid": "web-uuid", "serialNumber": "web-serial",
            "platform": "LINUX", "osVersion": null, "osqueryVersion": "5.23.1", "status": "ONLINE",
            "enrolledAt": "2026-11-22T12:00:00.000Z", "lastSeenAt": null, "memoryBytes": "16777216000",
            "team": null, "labels": { "nodes": null },
        })
    );
}

/// Pages forward and backward are the same list.
async fn pages(world: World) {
    world.hosts(5).await;
    let sort = json!({ "field": "HOSTNAME", "direction": "ASC" });
    let all: Vec<_> = (0..5).map(|number| format!("host-{number}")).collect();
    let forward = walk(&world.admin, &sort, ["first", "after"], ["hasNextPage", "endCursor"]).await;
    assert_eq!(forward.concat(), all);
    let mut backward =
        walk(&world.admin, &sort, ["last", "before"], ["hasPreviousPage", "startCursor"]).await;
    backward.reverse();
    assert_eq!(backward.concat(), all);
    let down = json!({ "field": "HOSTNAME", "direction": "DESC" });
    let reversed = walk(&world.admin, &down, ["first", "after"], ["hasNextPage", "endCursor"]).await.concat();
    assert_eq!(reversed, all.iter().rev().cloned().collect::<Vec<_>>());
}

/// Every sort is a total order: equal keys do not lose or repeat a host.
async fn ties(world: World) {
    world.hosts(5).await;
    for field in ["LAST_SEEN_AT", "ENROLLED_AT"] {
        let sort = json!({ "field": field, "direction": "DESC" });
        let mut seen =
            walk(&world.admin, &sort, ["first", "after"], ["hasNextPage", "endCursor"]).await.concat();
        seen.sort();
        assert_eq!(seen, ["host-0", "host-1", "host-2", "host-3", "host-4"], "{field}");
    }
}

/// Filters: prefix search in any case, uuid, serial, platform, and all of them together.
async fn filters(world: World) {
    world.hosts(3).await;
    for (filter, expected) in [
        (json!({ "search": "HOST-1" }), vec!["host-1"]),
        (json!({ "search": "ost" }), vec![]),
        (json!({ "search": "100%" }), vec![]),
        (json!({ "search": "host_" }), vec![]),
        (json!({ "uuid": "HOST-2-UUID" }), vec!["host-2"]),
        (json!({ "serialNumber": "host-0-serial" }), vec!["host-0"]),
        (json!({ "platforms": ["LINUX"] }), vec!["host-0", "host-1", "host-2"]),
        (json!({ "platforms": ["WINDOWS"] }), vec![]),
        (json!({ "platforms": [] }), vec![]),
        (json!({ "search": "host-1", "platforms": ["LINUX"], "statuses": ["ONLINE"] }), vec!["host-1"]),
        (json!({ "teamIds": ["tem_0000000000000000000000"] }), vec![]),
    ] {
        let page = page(&world.admin, json!({ "first": 10, "filter": filter })).await;
        let mut names = names(&page);
        names.sort();
        assert_eq!(names, expected, "{filter}");
        assert_eq!(page["totalCount"], expected.len(), "{filter}");
    }
}

/// A host is online while it checks in, then offline, then missing, and online again when it returns.
async fn states(world: World) {
    let mut world = world;
    let mut host = world.host("web").await;
    host.poll().await.expect("a check-in");
    for (later, expected) in [(99, "ONLINE"), (2, "OFFLINE"), (30 * 24 * 3_600, "MISSING")] {
        world.server.advance(Duration::from_secs(later));
        world.server.tick().await;
        world.admin.sign_in().await;
        assert_eq!(state(&world).await, expected, "after {later} s more");
        let filter = json!({ "first": 10, "filter": { "statuses": [expected] } });
        assert_eq!(names(&page(&world.admin, filter).await), ["web"], "{expected} by filter");
    }
    host.poll().await.expect("a check-in");
    assert_eq!(state(&world).await, "ONLINE", "as of memory, at once");
    world.server.tick().await;
    let world = world.restart().await;
    assert_eq!(state(&world).await, "ONLINE", "as of the store, after a restart");
}

/// A page that can't be is an error, not another page.
async fn bad_pages(world: World) {
    world.hosts(3).await;
    let cursor = page(&world.admin, json!({ "first": 1 })).await["pageInfo"]["endCursor"].clone();
    let cursor = cursor.as_str().expect("a cursor");
    let tampered =
        format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('A') { 'B' } else { 'A' });
    let by_name = json!({ "field": "HOSTNAME", "direction": "ASC" });
    for variables in [
        json!({ "first": 101 }),
        json!({ "first": -1 }),
        json!({ "first": 0 }),
        json!({ "first": 1, "last": 1 }),
        json!({ "first": 1, "after": tampered }),
        json!({ "first": 1, "after": "x" }),
        json!({ "first": 1, "after": cursor, "sort": by_name }),
    ] {
        let response = world.admin.gql(PAGE, variables.clone()).await;
        assert_eq!(response["data"]["hosts"], Value::Null, "{variables}");
        assert_eq!(response["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{variables}: {response}");
    }
}

/// A deleted host is gone for everyone, and its agent has to enroll again, as a new host.
async fn deletion(world: World) {
    let mut host = world.host("web").await;
    let before = host_id(&world).await;
    let deleted = world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [before] })).await;
    assert_eq!(deleted["deletedHostIds"], json!([before]));
    assert_eq!(page(&world.admin, json!({ "first": 1 })).await["totalCount"], 0);
    host.poll().await.expect("it enrolls again, and is let in");
    assert_eq!(host.ledger.enrollments, 2);
    assert_ne!(host_id(&world).await, before, "ids are never used again");
}

/// Moving a host shows it in its new team, and its key goes on working.
async fn transfer(world: World) {
    let team = world.team("berlin").await;
    let mut host = world.host("web").await;
    let input = json!({ "hostIds": [host_id(&world).await], "teamId": team.public_id.0 });
    let moved = world.admin.mutate("transferHosts", "hosts { team { name } }", input).await;
    assert_eq!(moved["hosts"], json!([{ "team": { "name": "berlin" } }]));
    host.poll().await.expect("a check-in");
    assert_eq!(host.ledger.enrollments, 1);
    let back = json!({ "hostIds": [host_id(&world).await], "teamId": null });
    let moved = world.admin.mutate("transferHosts", "hosts { team { name } }", back).await;
    assert_eq!(moved["hosts"], json!([{ "team": null }]));
}

async fn page(person: &Person, variables: Value) -> Value {
    person.ask(PAGE, variables).await["hosts"].clone()
}

fn names(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().expect("a list").iter();
    nodes.filter_map(|host| host["hostname"].as_str().map(str::to_owned)).collect()
}

/// Pages of two, in one direction, to the end.
async fn walk(
    person: &Person,
    sort: &Value,
    [size, from]: [&str; 2],
    [more, at]: [&str; 2],
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = page(person, json!({ size: 2, from: cursor, "sort": sort })).await;
        pages.push(names(&page));
        if page["pageInfo"][more] != true {
            return pages;
        }
        cursor = page["pageInfo"][at].clone();
    }
}

async fn state(world: &World) -> String {
    let hosts = world.admin.ask("{ hosts(first: 1) { nodes { status } } }", json!({})).await;
    hosts["hosts"]["nodes"][0]["status"].as_str().expect("one host").to_owned()
}

async fn host_id(world: &World) -> String {
    let hosts = world.admin.ask("{ hosts(first: 1) { nodes { id } } }", json!({})).await;
    hosts["hosts"]["nodes"][0]["id"].as_str().expect("one host").to_owned()
}
