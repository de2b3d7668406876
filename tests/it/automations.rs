//! What becomes of the results of a scheduled query: shipped or not, kept or not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::agent::Agent;
use crate::harness::logs::until;
use crate::harness::sink::Sink;
use crate::harness::world::{World, on_both};

on_both!(shipped_or_kept, of_packs_and_teams, later_changes);

/// Automations off: kept and not shipped. Discarded: shipped and not kept. What nobody scheduled is both, and so is status.
async fn shipped_or_kept(world: World) {
    let (world, sink) = with_sink(world).await;
    let mut host = world.host("web").await;
    schedule(&world, "both", json!({})).await;
    schedule(&world, "kept", json!({ "automations": false })).await;
    schedule(&world, "shipped", json!({ "discardData": true })).await;
    schedule(&world, "neither", json!({ "automations": false, "discardData": true })).await;
    host.log("result", ["both", "kept", "shipped", "neither", "stray"].map(|name| line(name, 100)));
    host.log("status", [json!({ "name": "kept", "message": "x" }).to_string()]);
    send(&world, &mut host).await;
    until("what is shipped to come", || names(&sink).len() >= 4).await;
    assert_eq!(names(&sink), ["both", "kept", "shipped", "stray"].map(str::to_owned).into());
    let kinds: BTreeSet<_> = shipped(&sink).into_iter().filter(|(_, name)| name == "kept").collect();
    assert_eq!(kinds, [("status".to_owned(), "kept".to_owned())].into(), "a status line is no result");
    assert_eq!(reports(&world).await, ["both", "kept", "stray"]);
}

/// The queries of packs, and those of a team, whose hosts alone they concern.
async fn of_packs_and_teams(world: World) {
    let (world, sink) = with_sink(world).await;
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    let answering = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("a", "b"));
    let mut inside = world.host_with("inside", &secret, answering).await;
    let mut outside = world.host("outside").await;
    let pack = world.admin.mutate("createPack", "pack { id }", json!({ "name": "p" })).await;
    let place = json!({ "packId": pack["pack"]["id"], "automations": false });
    schedule(&world, "users", place).await;
    schedule(&world, "own", json!({ "teamId": team.public_id.0, "automations": false })).await;
    for (host, number) in [(&mut inside, 1), (&mut outside, 2)] {
        let own = json!({ "name": "own", "unixTime": number, "snapshot": [], "action": "snapshot" });
        host.log("result", [line("pack_p_users", 100), line("open", number), own.to_string()]);
        send(&world, host).await;
    }
    until("what is shipped to come", || shipped(&sink).len() >= 3).await;
    let mut all = shipped(&sink).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    all.sort();
    assert_eq!(all, ["open", "open", "own"], "the query of the team is nothing to hosts outside of it");
}

/// What counts is how it is when a line is shipped.
async fn later_changes(world: World) {
    let (world, sink) = with_sink(world).await;
    let mut host = world.host("web").await;
    let query = schedule(&world, "users", json!({ "automations": false })).await;
    host.log("result", [line("users", 100), line("first", 100)]);
    send(&world, &mut host).await;
    until("the first to come", || names(&sink).len() == 1).await;
    let on = json!({ "id": query, "schedule": { "interval": 60, "automations": true } });
    world.admin.mutate("updateSavedQuery", "savedQuery { id }", on).await;
    host.log("result", [line("users", 160), line("second", 160)]);
    send(&world, &mut host).await;
    until("the rest to come", || names(&sink).len() == 3).await;
    assert_eq!(shipped(&sink).len(), 3, "the line from before stays here");
    let replay = json!({ "name": "sink", "from": "2000-01-01T00:00:00Z" });
    world.admin.mutate("replayDestination", "destination { name }", replay).await;
    until("all four to come", || shipped(&sink).len() >= 7).await;
    assert_eq!(names(&sink).len(), 3);
}

/// The world with a destination `sink`, and that.
async fn with_sink(world: World) -> (World, Sink) {
    let server = world.server.restart_with(&[("egress.allow", "127.0.0.1")]).await;
    let (world, sink) = (World { server, ..world }, Sink::start().await);
    let options = json!({ "type": "http", "url": format!("http://{}/in", sink.address), "max_delay": "1ms" });
    let made = json!({ "name": "sink", "options": options });
    let made = world.admin.mutate("createDestination", "destination { name }", made).await;
    assert_eq!(made["destination"]["name"], "sink", "{made}");
    (world, sink)
}

/// Makes a query that runs each minute, and answers its id.
async fn schedule(world: &World, name: &str, more: Value) -> Value {
    let mut input = json!({ "name": name, "sql": "select 1", "schedule": { "interval": 60 } });
    for (key, value) in more.as_object().expect("an object") {
        let at = if key.ends_with("Id") { &mut input } else { &mut input["schedule"] };
        at[key] = value.clone();
    }
    let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", input).await;
    assert!(made["savedQuery"]["id"].is_string(), "{made}");
    made["savedQuery"]["id"].clone()
}

fn line(name: &str, time: i64) -> String {
    json!({ "name": name, "unixTime": time, "snapshot": [{ "a": "1" }], "action": "snapshot" }).to_string()
}

async fn send(world: &World, host: &mut Agent) {
    host.flush_logs().await.expect("the lines are taken");
    world.server.tick().await;
}

/// Kind and name of every line that came.
fn shipped(sink: &Sink) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    sink.envelopes().iter().map(|line| (text(&line["kind"]), text(&line["line"]["name"]))).collect()
}

fn names(sink: &Sink) -> BTreeSet<String> {
    shipped(sink).into_iter().map(|(_, name)| name).collect()
}

/// The names of the reports there are, sorted.
async fn reports(world: &World) -> Vec<String> {
    let seen = world.admin.ask("{ hosts { nodes { reports { nodes { name } } } } }", json!({})).await;
    let reports = seen["hosts"]["nodes"][0]["reports"]["nodes"].as_array().expect("a list").clone();
    let mut names: Vec<String> =
        reports.iter().filter_map(|report| report["name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}
