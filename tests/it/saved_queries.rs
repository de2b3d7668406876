//! Saved queries: made, changed, run, deleted.

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

const QUERY: &str =
    "savedQuery { id name sql description observerCanRun version team { name } createdBy { displayName } }";

on_both!(life, runs, names, idempotent, roles, linted);

/// From its making to its end.
async fn life(world: World) {
    let made = world.admin.mutate("createSavedQuery", QUERY, input("users", "select * from users")).await;
    let query = made["savedQuery"].clone();
    assert_eq!((&query["name"], &query["version"]), (&json!("users"), &json!(1)));
    assert_eq!(query["createdBy"]["displayName"], "admin");
    let id = query["id"].clone();
    let change =
        json!({ "id": id, "expectedVersion": 1, "sql": "select uid from users", "description": "who" });
    let changed = world.admin.mutate("updateSavedQuery", QUERY, change.clone()).await["savedQuery"].clone();
    assert_eq!((&changed["sql"], &changed["name"]), (&json!("select uid from users"), &json!("users")));
    assert_eq!((&changed["description"], &changed["version"]), (&json!("who"), &json!(2)));
    let stale = world.admin.mutate("updateSavedQuery", QUERY, change).await;
    assert_eq!(stale["userErrors"][0]["code"], "VERSION_CONFLICT");
    let cleared = json!({ "id": id, "description": null });
    let cleared = world.admin.mutate("updateSavedQuery", QUERY, cleared).await["savedQuery"].clone();
    assert_eq!((&cleared["description"], &cleared["sql"]), (&Value::Null, &json!("select uid from users")));
    let deleted = world.admin.mutate("deleteSavedQuery", "deletedSavedQueryId", json!({ "id": id })).await;
    assert_eq!(deleted["deletedSavedQueryId"], id);
    let again = world.admin.mutate("deleteSavedQuery", "deletedSavedQueryId", json!({ "id": id })).await;
    assert_eq!(again["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(listed(&world.admin, None).await, Vec::<String>::new());
}

/// A run of a saved query knows it, and outlives it.
async fn runs(world: World) {
    let mut host = world.host("web").await;
    let made = world.admin.mutate("createSavedQuery", QUERY, input("users", "select 1 as n")).await;
    let saved = made["savedQuery"]["id"].clone();
    let start = json!({ "source": { "savedQueryId": saved }, "targets": { "allHosts": true } });
    let shape = "campaign { id sql savedQuery { id } }";
    let campaign = world.admin.mutate("startCampaign", shape, start).await["campaign"].clone();
    assert_eq!((&campaign["sql"], &campaign["savedQuery"]["id"]), (&json!("select 1 as n"), &saved));
    host.poll().await.expect("an answer");
    world.admin.mutate("deleteSavedQuery", "deletedSavedQueryId", json!({ "id": saved })).await;
    let id = campaign["id"].as_str().expect("an id");
    assert_eq!(world.admin.events(id, None, 100).await.len(), 2, "its campaigns stay");
}

/// Names are unique in a team; two teams may have the same.
async fn names(world: World) {
    let team = world.team("berlin").await;
    world.admin.mutate("createSavedQuery", QUERY, input("users", "select 1")).await;
    let taken = world.admin.mutate("createSavedQuery", QUERY, input("users", "select 2")).await;
    assert_eq!(taken["userErrors"][0]["code"], "NOT_UNIQUE");
    assert_eq!(taken["userErrors"][0]["path"], json!(["name"]));
    let mut theirs = input("users", "select 3");
    theirs["teamId"] = json!(team.public_id.0);
    let made = world.admin.mutate("createSavedQuery", QUERY, theirs).await;
    assert_eq!(made["savedQuery"]["team"]["name"], "berlin");
    assert_eq!(listed(&world.admin, None).await, ["users", "users"]);
    assert_eq!(listed(&world.admin, Some(&team.public_id.0)).await, ["users"]);
}

/// The same key makes one query.
async fn idempotent(world: World) {
    let mut keyed = input("users", "select 1");
    keyed["idempotencyKey"] = json!("once");
    let first = world.admin.mutate("createSavedQuery", QUERY, keyed.clone()).await;
    assert_eq!(world.admin.mutate("createSavedQuery", QUERY, keyed).await, first);
    assert_eq!(listed(&world.admin, None).await, ["users"]);
}

/// An observer reads; who maintains one team does not touch what is global.
async fn roles(world: World) {
    let team = world.team("berlin").await;
    let observer = world.person("olga", Role::Observer, None).await;
    let maintainer = world.person("max", Role::Maintainer, Some(&team)).await;
    let made = world.admin.mutate("createSavedQuery", QUERY, input("users", "select 1")).await;
    assert_eq!(listed(&observer, None).await, ["users"]);
    let refused = observer.mutate("createSavedQuery", QUERY, input("mine", "select 1")).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    let change = json!({ "id": made["savedQuery"]["id"], "name": "taken over" });
    let refused = maintainer.mutate("updateSavedQuery", QUERY, change).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
    let refused = maintainer.mutate("createSavedQuery", QUERY, input("global", "select 1")).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// SQL that no host could answer is refused, with the place.
async fn linted(world: World) {
    let bad = world.admin.mutate("createSavedQuery", QUERY, input("bad", "select 1; drop table x")).await;
    assert_eq!(bad["savedQuery"], Value::Null);
    assert_eq!(
        (&bad["userErrors"][0]["code"], &bad["userErrors"][0]["path"]),
        (&json!("SQL_INVALID"), &json!(["sql"]))
    );
}

fn input(name: &str, sql: &str) -> Value {
    json!({ "name": name, "sql": sql })
}

/// Names of the saved queries somebody sees, sorted.
async fn listed(person: &Person, team: Option<&str>) -> Vec<String> {
    let query = "query($team: ID) { savedQueries(first: 100, teamId: $team) { nodes { name } } }";
    let page = person.ask(query, json!({ "team": team })).await["savedQueries"].clone();
    let mut names: Vec<String> = page["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|query| query["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}
