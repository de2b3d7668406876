//! The agent contract, part E: which host an enrolling agent is, and what is noticed when two claim to be one.

use serde_json::{Value, json};

use crate::harness::agent::raw::{
    ENDPOINTS, assert_node_invalid, assert_retry, assert_success, object, post,
};
use crate::harness::agent::{Agent, AgentAnswer, Form, Identity, body};
use crate::harness::stored::activities;
use crate::harness::world::{World, on_both};
use muster::policy::Role;

on_both!(
    e08_moved_host,
    e09_clones_are_shown,
    e09_foreign_secrets_are_shown,
    e09_known_by_instance,
    e09_known_by_uuid,
    e13_many_behind_one_address,
    e14_deleted_host,
    s03_a_host_that_enrolls_again
);

/// A host that was moved comes back with the secret that its flag file has always had: it is the same host, stays
/// where it was moved to, and is not suspected of anything.
async fn e08_moved_host(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let (old, new) = (world.team_secret(&berlin).await, world.team_secret(&paris).await);
    let mut host = world.host_with("web", &old, std::sync::Arc::new(|_| AgentAnswer::empty())).await;
    let input = json!({ "hostIds": [shown(&world).await[0]["id"]], "teamId": paris.public_id.0 });
    world.admin.mutate("transferHosts", "hosts { id }", input).await;
    for secret in [&old, &new] {
        secret.clone_into(&mut host.secret);
        assert!(host.enroll().await);
        host.poll().await.expect("the new key works");
        let hosts = shown(&world).await;
        assert_eq!(hosts.len(), 1, "it is the same host");
        assert_eq!(hosts[0]["team"]["name"], "paris", "where it was moved to");
        assert_eq!(
            (&hosts[0]["cloneSuspectedAt"], &hosts[0]["foreignSecretAt"]),
            (&Value::Null, &Value::Null)
        );
    }
    // It has shown the secret of its team since then, so the other one is a stranger's.
    host.secret = old;
    assert!(host.enroll().await);
    let hosts = shown(&world).await;
    assert_eq!(hosts.len(), 2);
    assert!(hosts.iter().all(|host| host["foreignSecretAt"].is_string()), "{hosts:?}");
}

/// Two machines under one identifier are two hosts, and both are shown as odd, to who may see them.
async fn e09_clones_are_shown(world: World) {
    world.host("other").await;
    for uuid in ["one", "two"] {
        let identity = Identity { uuid: uuid.to_owned(), ..Identity::linux("twin") };
        let answering = std::sync::Arc::new(|_: &str| AgentAnswer::empty());
        assert!(Agent::new(world.server.address, &world.secret, identity, answering).enroll().await);
    }
    let query = "query($flagged: Boolean) { hosts(first: 9, filter: { flagged: $flagged }) {
        totalCount nodes { hostname cloneSuspectedAt foreignSecretAt } } }";
    let observer = world.person("observer", Role::Observer, None).await;
    let flagged = observer.ask(query, json!({ "flagged": true })).await["hosts"].clone();
    assert_eq!(flagged["totalCount"], 2);
    for host in flagged["nodes"].as_array().expect("a list") {
        let expected = json!({ "hostname": "twin", "cloneSuspectedAt": "2026-11-22T12:00:00.000Z", "foreignSecretAt": null });
        assert_eq!(*host, expected);
    }
    let others = observer.ask(query, json!({ "flagged": false })).await["hosts"].clone();
    assert_eq!((&others["totalCount"], &others["nodes"][0]["hostname"]), (&json!(1), &json!("other")));
}

/// A secret of another team makes another host; both are shown as odd, each to its own team.
async fn e09_foreign_secrets_are_shown(world: World) {
    let team = world.team("berlin").await;
    world.host("web").await;
    let secret = world.team_secret(&team).await;
    world.host_with("web", &secret, std::sync::Arc::new(|_| AgentAnswer::empty())).await;
    let hosts = shown(&world).await;
    assert_eq!(hosts.len(), 2);
    assert!(hosts.iter().all(|host| host["foreignSecretAt"] == "2026-11-22T12:00:00.000Z"), "{hosts:?}");
}

/// Cloned machines, equal in all but the id of osquery's database, are two hosts where that is what tells them apart,
/// and neither throws the other out.
async fn e09_known_by_instance(world: World) {
    let settings = &[("enroll.host_identifier", "instance")];
    let world = World { server: world.server.restart_with(settings).await, ..world };
    let server = world.server.address;
    let mut keys = Vec::new();
    for instance in ["instance-1", "instance-2"] {
        let mut document = enrollment(&world);
        document["host_details"]["osquery_info"]["instance_id"] = json!(instance);
        let response = post(server, "enroll", &[], document.to_string()).await;
        keys.push(object(&response)["node_key"].as_str().expect("let in").to_owned());
    }
    for _ in 0..2 {
        for key in &keys {
            assert_success(&post(server, "distributed/read", &[], body::keyed(key)).await);
        }
    }
    let mut known: Vec<_> = shown(&world).await.iter().map(|host| host["hostIdentifier"].clone()).collect();
    known.sort_by_key(Value::to_string);
    assert_eq!(known, ["instance-1", "instance-2"]);
}

/// A machine that calls itself something else now is the same host where its hardware is what tells it apart; where
/// the hardware has a filler for an id, what osquery says counts.
async fn e09_known_by_uuid(world: World) {
    let world =
        World { server: world.server.restart_with(&[("enroll.host_identifier", "uuid")]).await, ..world };
    for (uuid, names, hosts) in [
        ("4C4C4544-0000-0000-0000-00000000000A", ["one", "two"], 1),
        ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", ["one", "two"], 3),
    ] {
        for name in names {
            let mut document = enrollment(&world);
            document["host_identifier"] = json!(name);
            document["host_details"]["system_info"]["uuid"] = json!(uuid);
            let response = post(world.server.address, "enroll", &[], document.to_string()).await;
            assert!(object(&response)["node_key"].is_string());
        }
        assert_eq!(shown(&world).await.len(), hosts, "{uuid}");
    }
}

/// However many wrong secrets come from an address, who has a right one there is let in, also one that this server
/// has not seen before.
async fn e13_many_behind_one_address(world: World) {
    let world = World { server: world.server.restart_with(&[("enroll.max_failures", "3")]).await, ..world };
    let server = world.server.address;
    let mut wrong =
        (0..).map(|number| json!({ "enroll_secret": format!("{number:043}"), "host_identifier": "x" }));
    for document in wrong.by_ref().take(3) {
        assert_eq!(post(server, "enroll", &[], document.to_string()).await.status, 401);
    }
    let shut = post(server, "enroll", &[], wrong.next().expect("endless").to_string()).await;
    assert_eq!(shut.status, 429);
    assert_retry(&shut);
    for number in 0..10 {
        let mut host = world.host(&format!("host-{number}")).await;
        host.poll().await.expect("a check-in");
    }
    let team = world.team("berlin").await;
    let secret = world.team_secret(&team).await;
    assert_eq!(post(server, "enroll", &[], wrong.next().expect("endless").to_string()).await.status, 429);
    world.host_with("late", &secret, std::sync::Arc::new(|_| AgentAnswer::empty())).await;
}

/// The key of a deleted host is invalid at every endpoint; its agent enrolls again, as another host.
async fn e14_deleted_host(world: World) {
    let mut host = world.host("web").await;
    host.poll().await.expect("a check-in");
    let key = host.node_key.clone().expect("enrolled");
    let id = shown(&world).await[0]["id"].clone();
    world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [id] })).await;
    for endpoint in ENDPOINTS.into_iter().filter(|endpoint| *endpoint != "enroll") {
        assert_node_invalid(&post(world.server.address, endpoint, &[], body::keyed(&key)).await);
    }
    host.poll().await.expect("it enrolls, and is let in");
    assert_eq!(host.ledger.enrollments, 2);
    assert_ne!(shown(&world).await[0]["id"], id);
}

/// It gets a new key each time, up to five in ten minutes; the old one ends on every server when a newer one is used;
/// with a secret of another team it is another host.
async fn s03_a_host_that_enrolls_again(world: World) {
    let beside = world.server.beside().await;
    let (here, there) = (world.server.address, beside.address);
    let enroll = async || {
        let answer = post(here, "enroll", &[], enrollment(&world).to_string()).await;
        let key = object(&answer).get("node_key").and_then(Value::as_str).map(str::to_owned);
        key.ok_or(answer)
    };
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(enroll().await.expect("a repeat is never refused"));
    }
    let refused = enroll().await.expect_err("too often");
    assert_retry(&refused);
    for server in [here, there] {
        assert_success(&post(server, "config", &[], body::keyed(&keys[0])).await);
    }
    assert_success(&post(here, "config", &[], body::keyed(&keys[3])).await);
    beside.fleet.catch_up().await.expect("the store answers");
    for server in [here, there] {
        for older in &keys[..3] {
            assert_node_invalid(&post(server, "config", &[], body::keyed(older)).await);
        }
        assert_success(&post(server, "config", &[], body::keyed(&keys[3])).await);
    }
    assert_success(&post(there, "config", &[], body::keyed(&keys[4])).await);
    assert_eq!(shown(&world).await.len(), 1);
    let team = world.team("berlin").await;
    let mut stranger = enrollment(&world);
    stranger["enroll_secret"] = json!(world.team_secret(&team).await);
    post(here, "enroll", &[], stranger.to_string()).await;
    assert_success(&post(here, "config", &[], body::keyed(&keys[4])).await);
    let hosts = shown(&world).await;
    assert_eq!(hosts.len(), 2, "the first one was not taken over");
    assert_eq!(hosts.iter().filter(|host| host["team"].is_null()).count(), 1);
    assert_eq!(activities(&world.server, "host.foreign_secret").await.len(), 2, "both teams are told");
    beside.stop().await;
}

/// An enrollment of one machine, with the world's secret.
fn enrollment(world: &World) -> Value {
    let body = body::enroll(Form::Modern, &world.secret, &Identity::linux("web"));
    serde_json::from_slice(&body).expect("it is JSON")
}

/// All hosts, as the admin is shown them.
async fn shown(world: &World) -> Vec<Value> {
    let query =
        "{ hosts(first: 50) { nodes { id hostIdentifier team { name } cloneSuspectedAt foreignSecretAt } } }";
    world.admin.ask(query, json!({})).await["hosts"]["nodes"].as_array().expect("a list").clone()
}
