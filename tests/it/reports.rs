//! Reports: the latest rows of scheduled queries, by host and by query.

use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::Agent;
use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

const REPORT: &str = "nodes { name state isScheduled isComplete rowCount rowsDropped rows host { hostname } savedQuery { name } }";

on_both!(differential, snapshots, apart, unanswered, discarded, survive_a_restart, too_many, old_ones, teams);

/// A baseline, changes, the same lines again, and a restart of the agent.
async fn differential(world: World) {
    let mut host = world.host("web").await;
    let query = scheduled(&world.admin, json!({ "name": "users" })).await;
    host.log("result", [added(100, 0, "root"), added(100, 0, "ada")]);
    host.log("result", [removed(160, 1, "ada"), added(160, 1, "bob")]);
    assert_eq!(rows(&world, &mut host).await, ["bob", "root"]);
    host.log("result", [removed(160, 1, "ada"), added(160, 1, "bob"), added(100, 0, "ada")]);
    assert_eq!(rows(&world, &mut host).await, ["bob", "root"], "seen before");
    host.log("result", [added(220, 0, "eve")]);
    assert_eq!(rows(&world, &mut host).await, ["eve"], "it said everything anew");
    host.log("result", [removed(280, 1, "eve")]);
    assert_eq!(rows(&world, &mut host).await, Vec::<String>::new());
    let asked =
        format!("query($id: ID!) {{ node(id: $id) {{ ... on SavedQuery {{ reports {{ {REPORT} }} }} }} }}");
    let seen = world.admin.ask(&asked, json!({ "id": query })).await["node"]["reports"]["nodes"].clone();
    let expected = json!([{ "name": "users", "state": "EMPTY", "isScheduled": true, "isComplete": true,
        "rowCount": "0", "rowsDropped": "0", "rows": [], "host": { "hostname": "web" },
        "savedQuery": { "name": "users" } }]);
    assert_eq!(seen, expected, "empty is not the same as never answered");
}

/// A snapshot takes the place of the one before; of a pack it comes under the pack's name.
async fn snapshots(world: World) {
    let mut host = world.host("web").await;
    let pack =
        world.admin.mutate("createPack", "pack { id }", json!({ "name": "p" })).await["pack"]["id"].clone();
    scheduled(&world.admin, json!({ "name": "users", "packId": pack })).await;
    for (time, names) in [(100, json!([{ "name": "a" }, { "name": "b" }])), (160, json!([{ "name": "b" }]))] {
        let line =
            json!({ "name": "pack_p_users", "unixTime": time, "snapshot": names, "action": "snapshot" });
        host.log("result", [line.to_string()]);
    }
    assert_eq!(rows(&world, &mut host).await, ["b"]);
    assert_eq!(reports(&world).await[0]["savedQuery"]["name"], "users");
}

/// What is not on the host's schedule is kept apart, and said.
async fn apart(world: World) {
    let mut host = world.host("web").await;
    host.log("result", [added(100, 0, "root"), "{\"name\":\"users\"}".to_owned(), "5".to_owned()]);
    assert_eq!(rows(&world, &mut host).await, ["root"]);
    let report = reports(&world).await[0].clone();
    assert_eq!((&report["isScheduled"], &report["savedQuery"]), (&json!(false), &Value::Null));
    scheduled(&world.admin, json!({ "name": "users" })).await;
    host.log("result", [added(160, 1, "ada")]);
    assert_eq!(rows(&world, &mut host).await, ["ada", "root"]);
    assert_eq!(reports(&world).await[0]["isScheduled"], true, "now it is");
}

/// What a host never answered is told.
async fn unanswered(world: World) {
    let mut host = world.host("web").await;
    scheduled(&world.admin, json!({ "name": "users" })).await;
    scheduled(&world.admin, json!({ "name": "mounts" })).await;
    host.log("result", [added(100, 0, "root")]);
    rows(&world, &mut host).await;
    let seen = world.admin.ask("{ hosts { nodes { unansweredQueries { name } } } }", json!({})).await;
    assert_eq!(seen["hosts"]["nodes"][0]["unansweredQueries"], json!([{ "name": "mounts" }]));
}

/// What is not to be kept is not kept.
async fn discarded(world: World) {
    let mut host = world.host("web").await;
    scheduled(&world.admin, json!({ "name": "users", "schedule": { "interval": 60, "discardData": true } }))
        .await;
    host.log("result", [added(100, 0, "root")]);
    host.flush_logs().await.expect("the lines are taken");
    world.server.tick().await;
    assert_eq!(reports(&world).await, Vec::<Value>::new());
}

/// A server that restarts goes on where it was.
async fn survive_a_restart(world: World) {
    let mut host = world.host("web").await;
    scheduled(&world.admin, json!({ "name": "users" })).await;
    host.log("result", [added(100, 0, "root")]);
    assert_eq!(rows(&world, &mut host).await, ["root"]);
    host.log("result", [added(160, 1, "ada")]);
    host.flush_logs().await.expect("the lines are taken");
    let world = world.restart().await;
    assert_eq!(rows(&world, &mut host).await, ["ada", "root"]);
}

/// Beyond the cap the oldest rows go, and are counted.
async fn too_many(world: World) {
    let world = World { server: world.server.restart_with(&[("report.max_rows", "3")]).await, ..world };
    let mut host = world.host("web").await;
    scheduled(&world.admin, json!({ "name": "users" })).await;
    host.log("result", ["a", "b", "c", "d", "e"].map(|name| added(100, 0, name)));
    assert_eq!(rows(&world, &mut host).await, ["c", "d", "e"]);
    let report = reports(&world).await[0].clone();
    assert_eq!((&report["rowCount"], &report["rowsDropped"]), (&json!("5"), &json!("2")));
}

/// Reports that nothing comes to any more are deleted.
async fn old_ones(world: World) {
    let mut host = world.host("web").await;
    host.log("result", [added(100, 0, "root")]);
    assert_eq!(rows(&world, &mut host).await, ["root"]);
    world.server.advance(Duration::from_hours(31 * 24));
    world.server.tick().await;
    let left = world.server.fleet.prune_reports().await;
    left.expect("it runs again");
    world.server.advance(Duration::from_secs(1));
    let admin = world.person("later", Role::Admin, None).await;
    let seen = admin.ask("{ hosts { nodes { reports { nodes { name } } } } }", json!({})).await;
    assert_eq!(seen["hosts"]["nodes"][0]["reports"]["nodes"], json!([]));
}

/// Who sees one team's hosts sees their reports alone, also of a query of all.
async fn teams(world: World) {
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    let answering = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("a", "b"));
    let mut inside = world.host_with("inside", &secret, answering).await;
    let mut outside = world.host("outside").await;
    let query = scheduled(&world.admin, json!({ "name": "users" })).await;
    for host in [&mut inside, &mut outside] {
        host.log("result", [added(100, 0, "root")]);
        host.flush_logs().await.expect("the lines are taken");
    }
    world.server.tick().await;
    let observer = world.person("observer", Role::Observer, Some(&team)).await;
    let asked =
        "query($id: ID!) { node(id: $id) { ... on SavedQuery { reports { nodes { host { hostname } } } } } }";
    let seen = observer.ask(asked, json!({ "id": query })).await;
    assert_eq!(seen["node"]["reports"]["nodes"], json!([{ "host": { "hostname": "inside" } }]));
    let gitops = world.person("gitops", Role::Gitops, Some(&team)).await;
    let seen = gitops.gql(asked, json!({ "id": query })).await;
    assert_eq!(seen["data"]["node"]["reports"], Value::Null);
}

/// Makes a query that runs each minute, and answers its id.
async fn scheduled(person: &Person, mut query: Value) -> Value {
    query["sql"] = json!("select 1");
    if query.get("schedule").is_none() {
        query["schedule"] = json!({ "interval": 60 });
    }
    person.mutate("createSavedQuery", "savedQuery { id }", query).await["savedQuery"]["id"].clone()
}

fn added(time: i64, counter: i64, name: &str) -> String {
    line(time, counter, name, "added")
}

fn removed(time: i64, counter: i64, name: &str) -> String {
    line(time, counter, name, "removed")
}

fn line(time: i64, counter: i64, name: &str, action: &str) -> String {
    json!({ "name": "users", "hostIdentifier": "x", "unixTime": time, "epoch": 0, "counter": counter,
        "numerics": false, "columns": { "name": name }, "action": action })
    .to_string()
}

/// Sends the host's lines, makes reports of them, and answers the names in the first report, sorted.
async fn rows(world: &World, host: &mut Agent) -> Vec<String> {
    host.flush_logs().await.expect("the lines are taken");
    world.server.tick().await;
    let reports = reports(world).await;
    let rows = reports[0]["rows"].as_array().expect("a list").clone();
    let mut names: Vec<String> =
        rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

/// The reports of the first host.
async fn reports(world: &World) -> Vec<Value> {
    let query = format!("{{ hosts {{ nodes {{ reports {{ {REPORT} }} }} }} }}");
    let seen = world.admin.ask(&query, json!({})).await;
    seen["hosts"]["nodes"][0]["reports"]["nodes"].as_array().expect("a list").clone()
}
