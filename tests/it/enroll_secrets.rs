//! Enroll secrets: what lets hosts in, into which team, and for how long.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster::policy::Role;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::harness::agent::raw::{assert_node_invalid, object, post};
use crate::harness::agent::{Agent, AgentAnswer, Form, Identity, body};
use crate::harness::personas::Person;
use crate::harness::services::postgres::connect;
use crate::harness::stored::activities;
use crate::harness::wire;
use crate::harness::world::{World, on_both};

on_both!(
    s01_only_a_secret_in_force_lets_a_host_in,
    s02_the_secret_decides_the_team,
    s04_the_store_has_no_secret,
    s42_a_secret_is_shown_once_to_admins,
    secrets_rotate_with_an_overlap,
    a_revoked_secret_is_refused_on_every_server
);

/// Wrong, empty, truncated, revoked and expired secrets let nobody in and leave no host behind.
async fn s01_only_a_secret_in_force_lets_a_host_in(world: World) {
    let (_, short) = create(&world.admin, json!({ "expiresInSeconds": 60 })).await;
    let (id, revoked) = create(&world.admin, json!({})).await;
    let in_time = lets_in(&world, &short, "in-time").await;
    assert!(in_time);
    world.server.advance(Duration::from_mins(1));
    world.admin.mutate("revokeEnrollSecret", "revokedEnrollSecretId", json!({ "id": id })).await;
    let truncated = &world.secret[..world.secret.len() - 1];
    for (name, secret) in [
        ("expired", short.as_str()),
        ("revoked", &revoked),
        ("wrong", "wrong"),
        ("empty", ""),
        ("truncated", truncated),
    ] {
        assert!(!lets_in(&world, secret, name).await, "{name}");
    }
    let hosts =
        world.admin.ask("{ hosts { nodes { hostname } } }", json!({})).await["hosts"]["nodes"].clone();
    assert_eq!(hosts, json!([{ "hostname": "in-time" }]));
    let noted = activities(&world.server, "enroll.refused").await;
    assert_eq!(noted, [(String::new(), "anonymous".to_owned())], "once a minute and source");
    let document = json!({ "enroll_secret": truncated, "host_identifier": "x" }).to_string();
    let refused = post(world.server.address, "enroll", &[], &document).await;
    assert_node_invalid(&refused);
    assert!(object(&refused)["error"].is_string());
    assert!(!String::from_utf8_lossy(&refused.body).contains(truncated));
    for seconds in [-1, 0, 59] {
        let refused =
            world.admin.mutate("createEnrollSecret", "secret", json!({ "expiresInSeconds": seconds })).await;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID", "{seconds} s");
    }
}

/// A team has several secrets, and so has no team; a host lands where its secret says, whatever it says of itself.
async fn s02_the_secret_decides_the_team(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (_, first) = create(&world.admin, json!({ "teamId": berlin.public_id.0 })).await;
    let (_, second) = create(&world.admin, json!({ "teamId": berlin.public_id.0 })).await;
    for (name, secret) in [("first", &first), ("second", &second), ("none", &world.secret)] {
        let details = Identity::linux(name).details(Form::Modern);
        let body = json!({ "enroll_secret": secret, "host_identifier": name, "host_details": details,
            "team": "paris", "team_id": paris.public_id.0, "teamId": paris.public_id.0 });
        let headers = [("Content-Type", "application/json")];
        let request = wire::request("POST", "/api/osquery/enroll", &headers, body.to_string().as_bytes());
        let answer = wire::exchange(world.server.address, &request).await.expect("it answers");
        assert!(answer.json()["node_key"].is_string(), "{name}");
    }
    let query = "{ hosts(sort: { field: HOSTNAME, direction: ASC }) { nodes { hostname team { name } } } }";
    let seen = world.admin.ask(query, json!({})).await["hosts"]["nodes"].clone();
    let berlin = json!({ "name": "berlin" });
    let expected = json!([
        { "hostname": "first", "team": berlin }, { "hostname": "none", "team": null },
        { "hostname": "second", "team": berlin },
    ]);
    assert_eq!(seen, expected);
}

/// Whoever reads the whole database can let no host in and speak as none.
async fn s04_the_store_has_no_secret(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.clone().expect("it is enrolled");
    let db = connect(&world.server.database_url()).await;
    let keys = entity::node_keys::Entity::find().all(&db).await.expect("the store answers");
    let secrets = entity::enroll_secrets::Entity::find().all(&db).await.expect("the store answers");
    let trail = entity::activities::Entity::find().all(&db).await.expect("the store answers");
    db.close().await.expect("a connection closes");
    assert!(!keys.is_empty() && keys.iter().all(|row| row.key_hash.len() == 32));
    assert!(!secrets.is_empty() && secrets.iter().all(|row| row.secret_hash.len() == 32));
    let dump = format!("{keys:?}{secrets:?}{trail:?}");
    assert!(!dump.contains(&key) && !dump.contains(&world.secret));
    assert_eq!((key.len(), world.secret.len()), (43, 43), "256 bits");
    // What is stored is no key, in whatever form it is shown.
    let stored = &keys[0].key_hash;
    let hex: String = stored.iter().map(|byte| format!("{byte:02x}")).collect();
    for forged in [URL_SAFE_NO_PAD.encode(stored), hex] {
        assert_node_invalid(&post(world.server.address, "config", &[], body::keyed(&forged)).await);
    }
}

/// The text of a secret is in one answer and nowhere else; who is no admin sees not even that there is one.
async fn s42_a_secret_is_shown_once_to_admins(world: World) {
    let input = json!({ "name": "fleet", "idempotencyKey": "k" });
    let (id, text) = create(&world.admin, input.clone()).await;
    let again = world.admin.mutate("createEnrollSecret", "enrollSecret { id } secret", input).await;
    assert_eq!((&again["enrollSecret"]["id"], &again["secret"]), (&json!(id), &Value::Null));
    let list = "query($id: ID!) { enrollSecrets { nodes { id name } } node(id: $id) { id } }";
    let seen = world.admin.ask(list, json!({ "id": id })).await;
    assert!(!seen.to_string().contains(&text));
    for role in [Role::Observer, Role::ObserverPlus, Role::Maintainer, Role::Gitops] {
        let person = world.person(role.as_str(), role, None).await;
        let seen = person.gql("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(seen["data"]["node"], Value::Null, "{role}");
        let seen = person.gql("{ enrollSecrets { nodes { id } } }", json!({})).await;
        assert_eq!(seen["errors"][0]["extensions"]["code"], "FORBIDDEN", "{role}");
    }
}

/// While a secret is rotated both let hosts in; then the old one is over, and hosts that are in stay in.
async fn secrets_rotate_with_an_overlap(world: World) {
    let berlin = world.team("berlin").await;
    let (old, before) = create(&world.admin, json!({ "name": "site", "teamId": berlin.public_id.0 })).await;
    let mut host =
        world.host_with("old-web", &before, Arc::new(|_: &str| AgentAnswer::one("name", "x"))).await;
    let input = json!({ "id": old, "overlapSeconds": 3600 });
    let shape = "enrollSecret { name expiresAt team { name } } secret";
    let rotated = world.admin.mutate("rotateEnrollSecret", shape, input).await;
    let expected = json!({ "name": "site", "expiresAt": null, "team": { "name": "berlin" } });
    assert_eq!(rotated["enrollSecret"], expected);
    let after = rotated["secret"].as_str().expect("it is shown once");
    assert!(lets_in(&world, &before, "with-old").await && lets_in(&world, after, "with-new").await);
    world.server.advance(Duration::from_hours(1));
    let mut admin = world.admin.clone();
    admin.sign_in().await;
    assert!(!lets_in(&world, &before, "too-late").await && lets_in(&world, after, "in-time").await);
    let id = admin.start("select name").await;
    host.poll().await.expect("an answer: its key holds");
    assert_eq!(admin.campaign(&id).await["totals"]["succeeded"], 1);
}

/// A secret that another server knows already is refused there, too, once it has looked; who is in stays in.
async fn a_revoked_secret_is_refused_on_every_server(world: World) {
    let beside = world.server.beside().await;
    let (id, text) = create(&world.admin, json!({ "name": "site" })).await;
    let enroll = async |name: &str| {
        let answering = Arc::new(|_: &str| AgentAnswer::one("name", "x"));
        let mut agent = Agent::new(beside.address, &text, Identity::linux(name), answering);
        (agent.enroll().await, agent)
    };
    let (is_in, mut host) = enroll("before").await;
    assert!(is_in);
    world.admin.mutate("revokeEnrollSecret", "revokedEnrollSecretId", json!({ "id": id })).await;
    beside.fleet.catch_up().await.expect("the store answers");
    assert!(!enroll("after").await.0);
    host.poll().await.expect("its key holds");
    assert_eq!(host.ledger.enrollments, 1);
    beside.stop().await;
}

/// Makes a secret; answers id and text.
async fn create(person: &Person, input: Value) -> (String, String) {
    let made = person.mutate("createEnrollSecret", "enrollSecret { id } secret", input).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (text(&made["enrollSecret"]["id"]), text(&made["secret"]))
}

async fn lets_in(world: &World, secret: &str, name: &str) -> bool {
    let answering = Arc::new(|_: &str| AgentAnswer::one("name", "x"));
    Agent::new(world.server.address, secret, Identity::linux(name), answering).enroll().await
}
