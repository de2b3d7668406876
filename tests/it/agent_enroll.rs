//! The agent contract, parts E and C: enrollment and configuration, by number.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::agent::raw::{assert_node_invalid, assert_retry, object, post};
use crate::harness::agent::{Agent, AgentAnswer, Identity, body};
use crate::harness::world::{World, on_both};

on_both!(
    e01_right_secret,
    e02_wrong_secret,
    e04_secret_with_a_line_end,
    e05_platforms,
    e06_details,
    e08_same_host_again,
    e09_clones,
    e10_at_once,
    e11_empty_identifier,
    e12_too_large,
    too_many_keys,
    foreign_secret,
    e15_revoked_secret,
    c01_configuration,
    c02_unknown_keys
);

/// The right secret gives a key that is safe in a header.
/// Case E16.
async fn e01_right_secret(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.expect("enrolled");
    assert!(key.len() >= 22, "128 random bits and more");
    assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{key}");
    assert_eq!(hosts(&world).await, 1);
}

/// A wrong, empty, missing or odd secret lets nobody in and leaves nothing behind.
/// Case E03.
async fn e02_wrong_secret(world: World) {
    for secret in [json!("wrong"), json!(""), Value::Null, json!(1), json!("x".repeat(10_000)), json!("\0")] {
        let mut document = enrollment(&world, "web");
        document["enroll_secret"] = secret.clone();
        let response = post(world.server.address, "enroll", &[], document.to_string()).await;
        let members = object(&response);
        assert!(!members.contains_key("node_key") && !members.contains_key("id"), "{secret}");
        assert!(members.contains_key("error"), "{secret}");
    }
    assert_eq!(hosts(&world).await, 0);
}

/// A secret from a file may have a line end.
async fn e04_secret_with_a_line_end(world: World) {
    let mut document = enrollment(&world, "web");
    document["enroll_secret"] = json!(format!(" {}\r\n", world.secret));
    let response = post(world.server.address, "enroll", &[], document.to_string()).await;
    assert!(object(&response)["node_key"].is_string());
}

/// Platforms as text, as number, missing, or nonsense.
async fn e05_platforms(world: World) {
    for (number, (platform, expected)) in [
        (json!("9"), "LINUX"),
        (json!(9), "LINUX"),
        (json!("21"), "DARWIN"),
        (json!("2"), "WINDOWS"),
        (json!("37"), "FREEBSD"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = enrollment(&world, &format!("host-{number}"));
        document["platform_type"] = platform.clone();
        let response = post(world.server.address, "enroll", &[], document.to_string()).await;
        assert!(object(&response)["node_key"].is_string(), "{platform}");
        let filter = json!({ "filter": { "search": format!("host-{number}"), "platforms": [expected] } });
        let found = world
            .admin
            .ask("query($filter: HostFilter) { hosts(first: 1, filter: $filter) { totalCount } }", filter)
            .await;
        assert_eq!(found["hosts"]["totalCount"], 1, "{platform} is {expected}");
    }
    for platform in [json!("abc"), json!("-1"), Value::Null, json!([])] {
        let mut document = enrollment(&world, &format!("odd-{platform}"));
        document["platform_type"] = platform.clone();
        let response = post(world.server.address, "enroll", &[], document.to_string()).await;
        assert!(object(&response)["node_key"].is_string(), "{platform}");
    }
}

/// Details in every form that agents have had, and hostile ones, are taken leniently.
/// Case E07.
async fn e06_details(world: World) {
    for (number, details) in [
        Value::Null,
        json!({}),
        json!(""),
        json!([]),
        json!({ "system_info": "" }),
        json!({ "unknown": { "a": "b" } }),
        json!({ "system_info": { "hostname": null, "physical_memory": 5, "uuid": ["x"] } }),
        json!({ "system_info": { "hostname": "a\u{0}b\r\n<script>", "physical_memory": "many" } }),
        json!({ "system_info": { "hostname": "x".repeat(100_000), "uuid": "\u{1F600}".repeat(1_000) } }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = enrollment(&world, &format!("host-{number}"));
        document["host_details"] = details.clone();
        let response = post(world.server.address, "enroll", &[], document.to_string()).await;
        assert!(object(&response)["node_key"].is_string(), "{:.80}", details.to_string());
    }
    let raw = enrollment(&world, "raw").to_string().replace("raw-serial", "RAW").into_bytes();
    let at = raw.windows(3).position(|bytes| bytes == b"RAW").expect("it is there");
    let raw = [&raw[..at], b"\xff\xfe", &raw[at + 3..]].concat();
    assert!(object(&post(world.server.address, "enroll", &[], raw).await)["node_key"].is_string());
}

/// A host that enrolls again is the same host; its old key works until the new one was used.
async fn e08_same_host_again(world: World) {
    let mut host = world.host("web").await;
    let old = host.node_key.clone().expect("enrolled");
    host.poll().await.expect("the first key is used");
    assert!(host.enroll().await, "it is let in again");
    let new = host.node_key.clone().expect("enrolled");
    assert_ne!(old, new);
    assert_eq!(hosts(&world).await, 1);
    let server = world.server.address;
    assert!(object(&post(server, "config", &[], body::keyed(&old)).await).contains_key("schedule"));
    host.poll().await.expect("the new key is used");
    assert_node_invalid(&post(server, "config", &[], body::keyed(&old)).await);
    let world = world.restart().await;
    assert_node_invalid(&post(world.server.address, "config", &[], body::keyed(&old)).await);
    host.poll().await.expect("the new key lives");
}

/// Two machines with one identifier do not throw each other out.
async fn e09_clones(world: World) {
    let mut twins = Vec::new();
    for uuid in ["one", "two"] {
        let identity = Identity { uuid: uuid.to_owned(), ..Identity::linux("twin") };
        let answering = std::sync::Arc::new(|_: &str| AgentAnswer::empty());
        twins.push(Agent::new(world.server.address, &world.secret, identity, answering));
    }
    for _ in 0..3 {
        for twin in &mut twins {
            twin.poll().await.expect("a check-in");
        }
    }
    for twin in &twins {
        assert_eq!(twin.ledger.enrollments, 1, "nobody is thrown out");
    }
}

/// The same enrollment twice at once: both keys are good.
async fn e10_at_once(world: World) {
    let document = enrollment(&world, "web").to_string();
    let server = world.server.address;
    let (one, two) = tokio::join!(
        post(server, "enroll", &[], document.clone()),
        post(server, "enroll", &[], document.clone())
    );
    for response in [one, two] {
        let key = object(&response)["node_key"].as_str().expect("let in").to_owned();
        let config = post(server, "config", &[], body::keyed(&key)).await;
        assert!(object(&config).contains_key("schedule") || object(&config)["node_invalid"] == true);
    }
    assert_eq!(hosts(&world).await, 1);
}

/// An empty identifier does no harm.
async fn e11_empty_identifier(world: World) {
    for identifier in [json!(""), Value::Null, json!(5)] {
        let mut document = enrollment(&world, "web");
        document["host_identifier"] = identifier;
        object(&post(world.server.address, "enroll", &[], document.to_string()).await);
    }
}

/// A body over its limit is read to its end, and answered 413 with an error.
async fn e12_too_large(world: World) {
    let mut document = enrollment(&world, "web");
    document["padding"] = json!("x".repeat(2 << 20));
    let response = post(world.server.address, "enroll", &[], document.to_string()).await;
    assert_eq!(response.status, 413);
    assert_retry(&response);
    assert_eq!(hosts(&world).await, 0);
}

/// More than five new keys in ten minutes are too many; the last key goes on working, and time helps.
async fn too_many_keys(world: World) {
    let mut host = world.host("web").await;
    for _ in 1..5 {
        assert!(host.enroll().await, "five are fine");
    }
    let good = host.node_key.clone();
    assert!(!host.enroll().await, "the sixth is not");
    assert_eq!(host.node_key, good);
    host.poll().await.expect("the key works");
    world.server.advance(Duration::from_mins(11));
    assert!(host.enroll().await, "later it is");
}

/// A secret of another team makes another host, and takes nothing from the first.
async fn foreign_secret(world: World) {
    let team = world.team("berlin").await;
    let mut host = world.host("web").await;
    host.poll().await.expect("a check-in");
    let secret = world.team_secret(&team).await;
    let mut thief = world.host_with("web", &secret, std::sync::Arc::new(|_| AgentAnswer::empty())).await;
    thief.poll().await.expect("a check-in");
    host.poll().await.expect("the first host goes on");
    assert_eq!(host.ledger.enrollments, 1);
    assert_eq!(hosts(&world).await, 2);
}

/// A revoked secret lets nobody in, and who is in stays in.
async fn e15_revoked_secret(world: World) {
    let mut host = world.host("web").await;
    let secrets = world.admin.ask("{ enrollSecrets { nodes { id } } }", json!({})).await;
    let input = json!({ "id": secrets["enrollSecrets"]["nodes"][0]["id"] });
    let revoked = world.admin.mutate("revokeEnrollSecret", "revokedEnrollSecretId", input.clone()).await;
    assert_eq!(revoked["revokedEnrollSecretId"], input["id"]);
    host.poll().await.expect("who is in stays in");
    let mut late = Agent::new(
        world.server.address,
        &world.secret,
        Identity::linux("late"),
        std::sync::Arc::new(|_| AgentAnswer::empty()),
    );
    assert!(!late.enroll().await, "it lets nobody in");
}

/// The configuration is deliberate, of integers, and the same bytes each time.
async fn c01_configuration(world: World) {
    let host = world.host("web").await;
    let key = host.node_key.expect("enrolled");
    let first = post(world.server.address, "config", &[], body::keyed(&key)).await;
    let again = post(world.server.address, "config", &[], body::keyed(&key)).await;
    assert_eq!(first.body, again.body, "C16");
    let members = object(&first);
    assert_eq!(members["schedule"], json!({}), "C03");
    assert!(members["options"]["distributed_interval"].is_u64(), "C04");
    assert!(!members.contains_key("error"), "C22");
    assert!(first.body.len() < 1 << 20, "C11");
    let options = members["options"].as_object().expect("an object");
    assert!(options.values().all(|value| !value.is_f64() && !value.is_null()), "C13: {options:?}");
    let world = world.restart().await;
    assert_eq!(post(world.server.address, "config", &[], body::keyed(&key)).await.body, first.body);
}

/// A key that is unknown, empty, missing or no text is invalid, at every endpoint that wants one.
async fn c02_unknown_keys(world: World) {
    for endpoint in ["config", "distributed/read", "distributed/write", "log"] {
        for key in [
            json!("unknown"),
            json!(""),
            json!(123),
            Value::Null,
            json!("x".repeat(60_000)),
            json!("a\u{0}\u{1F600}"),
        ] {
            let document = json!({ "node_key": key, "queries": {}, "data": [], "log_type": "result" });
            let response = post(world.server.address, endpoint, &[], document.to_string()).await;
            assert_node_invalid(&response);
        }
        assert_node_invalid(&post(world.server.address, endpoint, &[], "{}").await);
    }
}

/// The body of an enrollment with the world's secret.
fn enrollment(world: &World, name: &str) -> Value {
    let body = body::enroll(crate::harness::agent::Form::Modern, &world.secret, &Identity::linux(name));
    serde_json::from_slice(&body).expect("it is JSON")
}

/// How many hosts there are.
async fn hosts(world: &World) -> u64 {
    let hosts = world.admin.ask("{ hosts(first: 1) { totalCount } }", json!({})).await;
    hosts["hosts"]["totalCount"].as_u64().expect("a number")
}
