//! Whether a host runs the configuration that is served to it: what its agent says, compared with what it is sent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::agent::raw::post;
use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::world::{World, on_both};

on_both!(
    follows_every_change,
    by_team_and_label,
    with_layers_for_labels,
    on_every_server,
    not_foretold,
    hidden_like_its_host
);

/// A host of which the agent tells the hash of what it fetched last, as osquery does.
struct Machine {
    agent: Agent,
    /// The text that it runs.
    runs: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Machine {
    async fn enroll(world: &World, name: &str, secret: &str) -> Self {
        let runs: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
        let known = Arc::clone(&runs);
        let answering = move |sql: &str| {
            if !sql.contains("from osquery_info") {
                return AgentAnswer::empty();
            }
            let text = known.lock().expect("nobody panics").clone();
            AgentAnswer::one("config_hash", text.map(|text| hash(&text)).unwrap_or_default())
        };
        Self { agent: world.host_with(name, secret, Arc::new(answering)).await, runs }
    }

    /// Fetches its configuration, as agents do that send an etag or not, and runs it.
    async fn fetch(&self, more: Value) {
        let mut body = json!({ "node_key": self.agent.node_key });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let sent = post(self.agent.server, "config", &[], body.to_string()).await;
        *self.runs.lock().expect("nobody panics") = Some(sent.body);
    }

    /// Tells its vitals, which are due again.
    async fn tell(&mut self, world: &World) {
        world.server.advance(Duration::from_secs(61));
        self.agent.poll().await.expect("a check-in");
    }
}

/// The world with hosts that tell their vitals each minute.
async fn with_vitals(world: World) -> World {
    World { server: world.server.restart_with(&[("due.vitals_interval", "1m")]).await, ..world }
}

/// The hash that osquery reports of a text: of what it writes again, which is the same.
fn hash(text: &[u8]) -> String {
    let sha1 = |bytes: &[u8]| -> String {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    sha1(sha1(text).as_bytes())
}

/// Unknown, in sync, behind after a change, in sync again; also for an agent that asks with an etag.
async fn follows_every_change(world: World) {
    let world = with_vitals(world).await;
    let mut host = Machine::enroll(&world, "web", &world.secret).await;
    host.agent.poll().await.expect("a check-in");
    assert_eq!(in_sync(&world).await, Value::Null, "it has told none");
    for more in [json!({}), json!({ "etag": "" })] {
        host.fetch(more.clone()).await;
        host.tell(&world).await;
        assert_eq!(in_sync(&world).await, true, "{more}");
        let shown = world
            .admin
            .ask("{ hosts { nodes { vitals { configHash } osqueryConfig { hash } } } }", json!({}));
        let shown = shown.await["hosts"]["nodes"][0].clone();
        assert_eq!(shown["vitals"]["configHash"] == shown["osqueryConfig"]["hash"], more == json!({}));
    }
    schedule(&world, json!({})).await;
    assert_eq!(in_sync(&world).await, false, "it does not know yet");
    host.tell(&world).await;
    assert_eq!(in_sync(&world).await, false, "and has not fetched it");
    assert_eq!(meeting(&world, true).await, BTreeSet::new());
    host.fetch(json!({})).await;
    host.tell(&world).await;
    assert_eq!(in_sync(&world).await, true);
}

/// Hosts of different teams and labels are compared with what each of them is served; a filter finds them.
async fn by_team_and_label(world: World) {
    let world = with_vitals(world).await;
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    let mut machines = Vec::new();
    for (name, secret) in [("none", &world.secret), ("berlin", &secret), ("behind", &secret)] {
        machines.push(Machine::enroll(&world, name, secret).await);
    }
    let mut windows = Machine::enroll(&world, "windows", &world.secret).await;
    windows.agent.identity.platform_type = "2";
    assert!(windows.agent.enroll().await, "it is let in again");
    machines.push(windows);
    machines.push(Machine::enroll(&world, "silent", &world.secret).await);
    let labels = world.admin.ask("{ labels(search: \"Linux\") { nodes { id } } }", json!({})).await;
    let linux = labels["labels"]["nodes"][0]["id"].clone();
    schedule(&world, json!({ "name": "a", "schedule": { "interval": 60, "labelsIncludeAny": [linux] } }))
        .await;
    schedule(&world, json!({ "name": "b", "teamId": team.public_id.0 })).await;
    for machine in &mut machines[..4] {
        machine.fetch(json!({})).await;
        machine.tell(&world).await;
    }
    *machines[2].runs.lock().expect("nobody panics") = Some(b"{}".to_vec());
    machines[2].tell(&world).await;
    let all = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(meeting(&world, true).await, all(&["none", "berlin", "windows"]));
    assert_eq!(meeting(&world, false).await, all(&["behind"]), "of the silent one nothing is known");
    let of_team =
        "query($team: [ID!]) { hosts(filter: { configInSync: true, teamIds: $team }) { totalCount } }";
    let counted = world.admin.ask(of_team, json!({ "team": [team.public_id.0] })).await;
    assert_eq!(counted["hosts"]["totalCount"], 1);
    let seen = world.admin.ask("{ hosts { nodes { hostname configInSync } } }", json!({})).await;
    for host in seen["hosts"]["nodes"].as_array().expect("a list") {
        let expected = match host["hostname"].as_str().expect("a name") {
            "silent" => Value::Null,
            name => json!(name != "behind"),
        };
        assert_eq!(host["configInSync"], expected, "{host}");
    }
    schedule(&world, json!({ "name": "c", "teamId": team.public_id.0 })).await;
    assert_eq!(meeting(&world, true).await, all(&["none", "windows"]), "those of the team are behind");
}

/// A host that joins a label, or leaves it, is behind until it has fetched what is for those with it; others are not.
async fn with_layers_for_labels(world: World) {
    let world = with_vitals(world).await;
    let mut machines = Vec::new();
    for name in ["one", "two"] {
        machines.push(Machine::enroll(&world, name, &world.secret).await);
    }
    let made = world.admin.mutate("createLabel", "label { id }", json!({ "name": "some" })).await;
    let label = made["label"]["id"].clone();
    let layer = json!({ "name": "x", "labelsIncludeAny": [label],
        "document": "{\"options\":{\"custom_a\":1}}" });
    let saved = world.admin.mutate("saveOsqueryConfigLayer", "layer { version }", layer).await;
    assert_eq!(saved["layer"]["version"], 1, "{saved}");
    for machine in &mut machines {
        machine.fetch(json!({})).await;
        machine.tell(&world).await;
    }
    let all = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(meeting(&world, true).await, all(&["one", "two"]));
    for (field, shape) in [("addHostsToLabel", "hostsAdded"), ("removeHostsFromLabel", "hostsRemoved")] {
        let input = json!({ "labelId": label, "names": ["one"] });
        world.admin.mutate(field, shape, input).await;
        assert_eq!(meeting(&world, false).await, all(&["one"]), "{field}");
        let seen = world.admin.ask("{ hosts { nodes { hostname configInSync } } }", json!({})).await;
        for host in seen["hosts"]["nodes"].as_array().expect("a list") {
            assert_eq!(host["configInSync"], host["hostname"] == "two", "{field}: {host}");
        }
        machines[0].fetch(json!({})).await;
        machines[0].tell(&world).await;
        assert_eq!(meeting(&world, true).await, all(&["one", "two"]), "{field}");
    }
}

/// Another server says the same, also after a change here.
async fn on_every_server(world: World) {
    let mut world = with_vitals(world).await;
    let mut host = Machine::enroll(&world, "web", &world.secret).await;
    let other = world.server.beside().await;
    host.fetch(json!({})).await;
    host.tell(&world).await;
    let there = Person { server: other.address, ..world.admin.clone() };
    let here = std::mem::replace(&mut world.admin, there);
    other.fleet.catch_up().await.expect("the store answers");
    assert_eq!(in_sync(&world).await, true);
    let there = std::mem::replace(&mut world.admin, here);
    schedule(&world, json!({})).await;
    world.admin = there;
    other.fleet.catch_up().await.expect("the store answers");
    assert_eq!(in_sync(&world).await, false);
    assert_eq!(meeting(&world, false).await.len(), 1);
    other.stop().await;
}

/// A configuration with a fraction has a hash that can't be foretold: then nothing is claimed.
async fn not_foretold(world: World) {
    let world = with_vitals(world).await;
    let mut host = Machine::enroll(&world, "web", &world.secret).await;
    let document = json!({ "feature_vectors": { "x": 1.5 } }).to_string();
    let saved = json!({ "document": document });
    let saved = world.admin.mutate("saveOsqueryConfigLayer", "layer { version }", saved).await;
    assert_eq!(saved["layer"]["version"], 1, "{saved}");
    host.fetch(json!({})).await;
    host.tell(&world).await;
    assert_eq!(in_sync(&world).await, Value::Null);
    for wanted in [true, false] {
        assert_eq!(meeting(&world, wanted).await, BTreeSet::new());
    }
}

/// Who does not see a host does not find it by this either.
async fn hidden_like_its_host(world: World) {
    let world = with_vitals(world).await;
    let team = world.team("berlin").await;
    let mut host = Machine::enroll(&world, "web", &world.secret).await;
    host.fetch(json!({})).await;
    host.tell(&world).await;
    let observer = world.person("observer", muster::policy::Role::Observer, Some(&team)).await;
    let asked = "{ hosts(filter: { configInSync: true }) { totalCount nodes { id } } }";
    assert_eq!(observer.ask(asked, json!({})).await["hosts"], json!({ "totalCount": 0, "nodes": [] }));
}

/// Makes a query that runs each minute.
async fn schedule(world: &World, more: Value) {
    let mut new = json!({ "name": "users", "sql": "select 1", "schedule": { "interval": 60 } });
    new.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
    assert!(made["savedQuery"].is_object(), "{made}");
}

/// What is told of the first host.
async fn in_sync(world: &World) -> Value {
    let seen = world.admin.ask("{ hosts { nodes { configInSync } } }", json!({})).await;
    seen["hosts"]["nodes"][0]["configInSync"].clone()
}

/// The names of the hosts that a filter finds.
async fn meeting(world: &World, wanted: bool) -> BTreeSet<String> {
    let asked =
        "query($is: Boolean) { hosts(filter: { configInSync: $is }) { totalCount nodes { hostname } } }";
    let seen = world.admin.ask(asked, json!({ "is": wanted })).await;
    let nodes = seen["hosts"]["nodes"].as_array().expect("a list").clone();
    assert_eq!(seen["hosts"]["totalCount"], nodes.len());
    nodes.iter().filter_map(|host| host["hostname"].as_str().map(str::to_owned)).collect()
}
