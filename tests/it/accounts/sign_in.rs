//! Signing in: what it costs, how often it may fail, and how it ends everywhere.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::{is_known, post, with_token};
use crate::harness::personas::{PASSWORD, Person};
use crate::harness::services::postgres::connect;
use crate::harness::socket::Told;
use crate::harness::wire;
use crate::harness::within_deadline;
use crate::harness::world::{World, on_both};

on_both!(
    s19_forwarded_addresses_of_strangers,
    s21_stored_passwords,
    s22_two_hundred_at_once,
    s23_brute_force,
    s24_unknown_and_known,
    s26_tampered_tokens,
    s27_signing_keys,
    s27_streams_of_ended_keys,
    s28_sessions_end_everywhere
);

const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) {
    accessToken refreshToken user { id } userErrors { message path code } } }";

fn credentials(email: &str, password: &str) -> Value {
    json!({ "input": { "email": email, "password": password } })
}

/// Nobody but a trusted proxy says where a request comes from: neither for the limits nor for the audit trail.
async fn s19_forwarded_addresses_of_strangers(world: World) {
    let nobody = world.anonymous();
    let mut limited = 0;
    for number in 0..12 {
        let claimed = format!("198.51.100.{number}");
        let forwarded = format!("for={claimed}");
        let headers = [
            ("X-Forwarded-For", claimed.as_str()),
            ("X-Real-IP", claimed.as_str()),
            ("True-Client-IP", claimed.as_str()),
            ("Forwarded", forwarded.as_str()),
        ];
        let answer = post(&nobody, &headers, LOGIN, credentials(&world.admin.email, "wrong")).await.json();
        limited += usize::from(answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED");
    }
    assert_eq!(limited, 2, "ten tries for one connection's address, whatever it claims");
    let query = "{ activities(filter: { kinds: [\"session.failed\"] }, first: 100) { nodes { source } } }";
    let found = world.admin.ask(query, json!({})).await["activities"]["nodes"].clone();
    let sources: Vec<_> = found.as_array().expect("a list").iter().map(|entry| &entry["source"]).collect();
    assert_eq!(sources, vec!["127.0.0.1"; 10]);
}

/// Passwords are stored by argon2id, each with a salt of its own; what the server does by default is not less than
/// what OWASP asks for.
async fn s21_stored_passwords(world: World) {
    world.person("bob", muster::policy::Role::Observer, None).await;
    let db = connect(&world.server.database_url()).await;
    let users = entity::users::Entity::find().all(&db).await.expect("the store answers");
    db.close().await.expect("a connection closes");
    let hashes: Vec<_> = users.iter().map(|user| user.password_hash.as_str()).collect();
    assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$v=19$m=64,t=2,p=1$")), "{hashes:?}");
    assert_ne!(hashes[0], hashes[1], "the same password, another salt");
    assert!(muster::fleet::Settings::default().argon2_memory_kib >= 19_456);
}

/// Of two hundred tries at once on one account only ten cost a hash, give or take the second that runs beside.
async fn s22_two_hundred_at_once(world: World) {
    let before = world.server.fleet.password_hashes();
    let nobody = world.anonymous();
    let tries = (0..200).map(|_| nobody.gql(LOGIN, credentials(&world.admin.email, "wrong")));
    let answers = join_all(tries).await;
    let limited =
        answers.iter().filter(|answer| answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED").count();
    let wrong = answers
        .iter()
        .filter(|answer| answer["data"]["login"]["userErrors"][0]["code"] == "INVALID_CREDENTIALS")
        .count();
    assert_eq!(limited + wrong, 200);
    assert!((10..=11).contains(&wrong), "{wrong}");
    let hashed = world.server.fleet.password_hashes() - before;
    assert_eq!(usize::try_from(hashed).ok(), Some(wrong));
}

/// Ten failures close an account for a source, on every server and after a restart; the real user is let in from
/// elsewhere, and a hundred failures close the source.
async fn s23_brute_force(world: World) {
    for _ in 0..10 {
        world.admin.login("wrong").await;
    }
    let beside = world.server.beside().await;
    for server in [world.server.address, beside.address] {
        let answer = login_from([127, 0, 0, 1], server, &world.admin.email, PASSWORD).await;
        let error = &answer["errors"][0]["extensions"];
        assert_eq!((&error["code"], &error["retryAfter"]), (&json!("RATE_LIMITED"), &json!(900)));
        let elsewhere = login_from([127, 0, 0, 2], server, &world.admin.email, PASSWORD).await;
        assert!(elsewhere["data"]["login"]["accessToken"].is_string(), "{elsewhere}");
    }
    beside.stop().await;
    let world = world.restart().await;
    let server = world.server.address;
    let again = login_from([127, 0, 0, 1], server, &world.admin.email, PASSWORD).await;
    assert_eq!(again["errors"][0]["extensions"]["code"], "RATE_LIMITED", "a restart forgets nothing");
    for number in 0..100 {
        login_from([127, 0, 0, 3], server, &format!("user-{number}@muster.test"), "wrong").await;
    }
    let closed = login_from([127, 0, 0, 3], server, &world.admin.email, PASSWORD).await;
    assert_eq!(closed["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    world.server.advance(Duration::from_mins(15));
    let later = login_from([127, 0, 0, 3], server, &world.admin.email, PASSWORD).await;
    assert!(later["data"]["login"]["accessToken"].is_string(), "{later}");
}

/// An unknown and a known e-mail get the same bytes for the same work: one hash and as many statements.
async fn s24_unknown_and_known(world: World) {
    // What it cost is never the same twice.
    let told = |answer: &Value| json!([answer["data"], answer["errors"]]);
    let fleet = &world.server.fleet;
    let mut costs = Vec::new();
    let gone = world.person("gone", muster::policy::Role::Observer, None).await;
    let change = json!({ "id": gone.id().await.0, "isDisabled": true });
    world.admin.mutate("updateUser", "user { id }", change).await;
    for email in [world.admin.email.as_str(), "nobody@muster.test", "no e-mail", "", &gone.email] {
        let (hashes, statements) = (fleet.password_hashes(), fleet.statements());
        let headers = [("X-Request-Id", "the-same-id")];
        let answer = post(&world.anonymous(), &headers, LOGIN, credentials(email, "wrong")).await;
        costs.push((
            told(&answer.json()),
            fleet.password_hashes() - hashes,
            // Messages of the bus make a server look at `changes` at any time.
            (fleet.statements() - statements).min(20),
        ));
    }
    assert_eq!(costs[0].1, 1);
    let right = post(&world.anonymous(), &[], LOGIN, credentials(&gone.email, PASSWORD)).await.json();
    assert_eq!(told(&right), costs[0].0, "who is shut out is told no more");
    for other in &costs[1..] {
        assert_eq!((&other.0, other.1), (&costs[0].0, costs[0].1));
        assert!(other.2.abs_diff(costs[0].2) <= 1, "{costs:?}");
    }
}

/// Tokens with a header of the client's own making are refused. Those that are signed well are in the unit tests.
async fn s26_tampered_tokens(world: World) {
    let token = world.admin.token.clone().expect("signed in");
    let (_, rest) = token.split_once('.').expect("a token has three parts");
    let headers = [
        r#"{"alg":"none","typ":"JWT","kid":"0"}"#,
        r#"{"alg":"RS256","typ":"JWT","kid":"0"}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":"../../../dev/null"}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":"0' OR '1'='1"}"#,
        r#"{"alg":"HS256","typ":"JWT","jku":"https://evil.example/keys"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"0"}"#,
    ];
    for header in headers {
        use base64::Engine as _;
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        assert!(!is_known(&with_token(&world.admin, &json!(format!("{header}.{rest}")))).await);
    }
    assert!(is_known(&world.admin).await);
}

/// A new signing key is in force on every server without a restart; the old one holds until its tokens end, or, at
/// once, not at all.
async fn s27_signing_keys(world: World) {
    let beside = world.server.beside().await;
    let old = world.admin.clone();
    let elsewhere = |person: &Person| Person { server: beside.address, ..person.clone() };
    assert!(is_known(&elsewhere(&old)).await);
    let rotated = world.admin.mutate("rotateSigningKey", "kid", json!({ "atOnce": false })).await;
    assert_eq!((&rotated["kid"], &rotated["userErrors"]), (&json!("1"), &json!([])));
    beside.fleet.catch_up().await.expect("the store answers");
    let mut new = world.admin.clone();
    new.sign_in().await;
    for person in [&old, &new] {
        assert!(is_known(person).await && is_known(&elsewhere(person)).await);
    }
    world.admin.mutate("rotateSigningKey", "kid", json!({ "atOnce": true })).await;
    beside.fleet.catch_up().await.expect("the store answers");
    for person in [&old, &new] {
        assert!(!is_known(person).await && !is_known(&elsewhere(person)).await);
    }
    new.sign_in().await;
    assert!(is_known(&new).await && is_known(&elsewhere(&new)).await);
    beside.stop().await;
    let observer = world.person("o", muster::policy::Role::Observer, None).await;
    let refused = observer.mutate("rotateSigningKey", "kid", json!({})).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_ALLOWED");
}

/// What was opened with a token of a key that ends at once is closed, on every server, by what runs by itself.
async fn s27_streams_of_ended_keys(world: World) {
    let _host = world.host("web").await;
    let world = world.with_running_tasks().await;
    let beside = world.server.beside().await;
    let id = world.admin.start("select 1").await;
    let elsewhere = Person { server: beside.address, ..world.admin.clone() };
    let mut viewings = [world.admin.follow(&id, None).await, elsewhere.follow(&id, None).await];
    for viewing in &mut viewings {
        assert!(viewing.batch().await, "the first batch comes at once");
    }
    let export = format!("/campaigns/{id}/answers.ndjson?follow=1");
    let mut export = world.admin.open("GET", &export, vec![], "").await;
    world.admin.mutate("rotateSigningKey", "kid", json!({ "atOnce": true })).await;
    for viewing in &mut viewings {
        assert_eq!(viewing.subscription.next().await, Told::Closed(4403));
    }
    assert_eq!(export.line().await, None, "it breaks off");
    beside.stop().await;
}

/// A session that is revoked from elsewhere is over on every server, for open sockets too, by what runs by itself.
async fn s28_sessions_end_everywhere(world: World) {
    let _host = world.host("web").await;
    let world = world.with_running_tasks().await;
    let beside = world.server.beside().await;
    let id = world.admin.start("select 1").await;
    let mut laptop = world.admin.clone();
    laptop.sign_in().await;
    let laptop = Person { server: beside.address, ..laptop };
    let mut viewing = laptop.follow(&id, None).await;
    assert!(viewing.batch().await, "the first batch comes at once");
    let query = "{ viewer { sessions { nodes { id isCurrent transport source } } } }";
    let sessions = laptop.ask(query, json!({})).await["viewer"]["sessions"]["nodes"].clone();
    let (current, other) = (&sessions[0], &sessions[1]);
    assert_eq!((&current["isCurrent"], &other["isCurrent"]), (&json!(true), &json!(false)));
    assert_eq!((&current["transport"], &current["source"]), (&json!("TOKENS"), &json!("127.0.0.1")));
    let observer = world.person("o", muster::policy::Role::Observer, None).await;
    let input = json!({ "id": current["id"] });
    let foreign = observer.mutate("revokeSession", "revokedSessionId", input.clone()).await;
    let absent = json!({ "id": "ses_00000000000000000000000000000001" });
    assert_eq!(foreign, observer.mutate("revokeSession", "revokedSessionId", absent).await);
    assert_eq!(foreign["userErrors"][0]["code"], "NOT_FOUND");
    let revoked = world.admin.mutate("revokeSession", "revokedSessionId", input).await;
    assert_eq!(revoked["revokedSessionId"], current["id"]);
    assert_eq!(viewing.subscription.next().await, Told::Closed(4403));
    assert!(!is_known(&laptop).await);
    assert!(is_known(&world.admin).await, "the other session lives");
    beside.stop().await;
}

/// Signs in from an address of the loopback.
async fn login_from(source: [u8; 4], server: std::net::SocketAddr, email: &str, password: &str) -> Value {
    use tokio::io::AsyncWriteExt as _;
    let body = json!({ "query": LOGIN, "variables": credentials(email, password) }).to_string();
    let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
    let request = wire::request("POST", "/graphql", &headers, body.as_bytes());
    let exchange = async {
        let mut stream = wire::connect_from(source, server).await;
        stream.write_all(&request).await.expect("it reads");
        wire::read_response(&mut stream).await.expect("it answers")
    };
    within_deadline("an answer", exchange).await.json()
}
