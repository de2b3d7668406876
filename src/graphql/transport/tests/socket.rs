//! GraphQL over WebSocket, line by line of the protocol.

use std::time::Duration;

use serde_json::json;

use super::harness::{Server, Socket};
use crate::graphql::transport::{SocketSettings, TransportSettings};

const SHORT: Duration = Duration::from_millis(20);

async fn server() -> Server {
    Server::start(TransportSettings::default()).await
}

async fn server_with(socket: SocketSettings) -> Server {
    Server::start(TransportSettings { socket, ..TransportSettings::default() }).await
}

async fn init(socket: &mut Socket, authorization: &str) {
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
}

#[tokio::test]
async fn a_subscription_is_a_row_of_next_and_one_complete() {
    let server = server().await;
    let mut socket = server.signed_in().await;
    for _ in 0..2 {
        socket.subscribe("a", "subscription { count(to: 3) }").await;
        for n in 1..=3 {
            let mut next = socket.hear().await;
            let told = next["payload"].as_object_mut().and_then(|payload| payload.remove("extensions"));
            assert_eq!(told.is_some_and(|told| told["cost"]["requested"] == 1), n == 1, "the first tells it");
            assert_eq!(next, json!({ "type": "next", "id": "a", "payload": { "data": { "count": n } } }));
        }
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "a" }));
    }
}

#[tokio::test]
async fn queries_and_mutations_work_too() {
    let server = server().await;
    let mut socket = server.signed_in().await;
    socket.subscribe("a", "{ who rows }").await;
    let data = json!({ "who": "Ada", "rows": [{ "pid": "1" }] });
    assert_eq!(socket.hear().await["payload"]["data"], data);
    assert_eq!(socket.hear().await["type"], "complete");
    socket.subscribe("a", "mutation { touch }").await;
    assert_eq!(socket.hear().await["payload"]["data"], json!({ "touch": 1 }));
}

#[tokio::test]
async fn what_does_not_start_is_an_error_and_nothing_follows() {
    let server = server().await;
    let mut socket = server.signed_in().await;
    for query in ["{", "{ unknown }", "subscription { denied }", "subscription { a: silence b: silence }"] {
        socket.subscribe("a", query).await;
        let error = socket.hear().await;
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("a")), "{query}: {error}");
        assert!(error["payload"][0]["extensions"]["requestId"].is_string());
    }
    socket.subscribe("a", "{ hello }").await;
    assert_eq!(socket.hear().await["type"], "next");
}

#[tokio::test]
async fn ping_is_answered_by_pong_also_before_the_ack() {
    let server = server().await;
    let mut socket = server.connect().await;
    socket.say(json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    socket.say(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.say(json!({ "type": "pong" })).await;
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
}

#[tokio::test]
async fn the_rules_of_the_protocol_have_their_codes() {
    let server = server_with(SocketSettings { init: SHORT, ..SocketSettings::default() }).await;
    assert_eq!(server.connect().await.closed().await, 4408);
    let server = self::server().await;
    for bad in ["", "{}", r#"{"type":"start"}"#, r#"{"type":"subscribe","id":"1"}"#] {
        let mut socket = server.signed_in().await;
        socket.say_text(bad).await;
        assert_eq!(socket.closed().await, 4400, "{bad}");
    }
    let mut socket = server.connect().await;
    socket.subscribe("a", "{ hello }").await;
    assert_eq!(socket.closed().await, 4401);
    let mut socket = server.signed_in().await;
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, 4429);
    let mut socket = server.signed_in().await;
    socket.subscribe("a", "subscription { silence }").await;
    socket.subscribe("a", "subscription { silence }").await;
    assert_eq!(socket.closed().await, 4409);
    let mut socket = server.connect_with(&[]).await.expect("an upgrade, to be able to say why not");
    assert_eq!(socket.closed().await, 4406);
}

#[tokio::test]
async fn the_legacy_subprotocol_is_not_selected() {
    let server = server().await;
    let handshake = "GET /graphql HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-protocol: graphql-ws\r\n\r\n";
    let (status, head, _) = server.send(handshake).await;
    assert_eq!(status, 101);
    assert!(!head.contains("sec-websocket-protocol"));
}

#[tokio::test]
async fn credentials_are_checked_at_init() {
    let server = server().await;
    for (bearer, code) in [("Bearer bad", 4403), ("good", 4403), ("Bearer down", 1013)] {
        let mut socket = server.connect().await;
        init(&mut socket, bearer).await;
        assert_eq!(socket.closed().await, code, "{bearer}");
    }
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    assert_eq!(server.connect_with(&[protocol, ("authorization", "Bearer bad")]).await.err(), Some(401));
}

#[tokio::test]
async fn an_ended_credential_closes_the_socket() {
    let server = server_with(SocketSettings { identity: SHORT, ..SocketSettings::default() }).await;
    let mut socket = server.signed_in().await;
    socket.subscribe("a", "subscription { silence }").await;
    server.revoke();
    assert_eq!(socket.closed().await, 4403);

    let server = server_with(SocketSettings { identity: SHORT, ..SocketSettings::default() }).await;
    let mut socket = server.connect().await;
    init(&mut socket, "Bearer brief").await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn one_operation_too_many_is_refused_alone() {
    let server = server_with(SocketSettings { operations: 2, ..SocketSettings::default() }).await;
    let mut socket = server.signed_in().await;
    for id in ["a", "b", "c"] {
        socket.subscribe(id, "subscription { silence }").await;
    }
    let refused = socket.hear().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("c")));
    socket.say(json!({ "type": "complete", "id": "a" })).await;
    socket.say(json!({ "type": "complete", "id": "unknown" })).await;
    socket.subscribe("c", "{ hello }").await;
    assert_eq!(socket.hear().await["type"], "next");
}

#[tokio::test]
async fn a_hot_operation_starves_no_other() {
    let server = server().await;
    let mut socket = server.signed_in().await;
    socket.subscribe("hot", "subscription { flood }").await;
    assert_eq!(socket.hear().await["id"], "hot");
    socket.subscribe("b", "{ hello }").await;
    while socket.hear().await["id"] != "b" {}
}

#[tokio::test]
async fn an_actor_has_so_many_sockets() {
    let server = server_with(SocketSettings { per_actor: 1, ..SocketSettings::default() }).await;
    let first = server.signed_in().await;
    let mut second = server.connect().await;
    init(&mut second, "Bearer good").await;
    assert_eq!(second.closed().await, 1013);
    drop(first);
}

#[tokio::test]
async fn messages_are_bounded_more_tightly_before_the_ack() {
    let settings =
        SocketSettings { message_bytes_before_ack: 100, message_bytes: 1_000, ..SocketSettings::default() };
    let server = server_with(settings).await;
    let ping = |bytes: usize| json!({ "type": "ping", "payload": { "a": "x".repeat(bytes) } });
    let mut socket = server.connect().await;
    socket.say(ping(100)).await;
    assert_eq!(socket.closed().await, 1009);
    let mut socket = server.signed_in().await;
    socket.say(ping(100)).await;
    assert_eq!(socket.hear().await["type"], "pong");
    socket.say(ping(1_000)).await;
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped() {
    let settings = SocketSettings { write: SHORT, goodbye: SHORT, ..SocketSettings::default() };
    let server = server_with(settings).await;
    let mut socket = server.signed_in().await;
    socket.subscribe("a", "subscription { flood }").await;
    server.all_gone().await;
}

#[tokio::test]
async fn a_client_that_shows_no_life_is_dropped() {
    let server = server_with(SocketSettings { ping: SHORT, ..SocketSettings::default() }).await;
    // Nobody polls the client, so it answers no ping.
    let _socket = server.signed_in().await;
    server.all_gone().await;
}

#[tokio::test]
async fn a_stop_closes_with_restart() {
    let server = server().await;
    let mut socket = server.signed_in().await;
    socket.subscribe("a", "subscription { silence }").await;
    server.settings.shutdown.cancel();
    assert_eq!(socket.closed().await, 1012);
    server.all_gone().await;
}

#[tokio::test]
async fn a_page_of_another_host_opens_no_socket() {
    let server = server().await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let foreign = server.connect_with(&[protocol, ("origin", "https://evil.example")]).await;
    assert_eq!(foreign.err(), Some(403));
    let own = format!("http://{}", server.address);
    assert!(server.connect_with(&[protocol, ("origin", own.as_str())]).await.is_ok());
}

#[tokio::test]
async fn the_credential_has_a_deadline_too() {
    let server = server_with(SocketSettings { init: SHORT, ..SocketSettings::default() }).await;
    let mut socket = server.connect().await;
    init(&mut socket, "Bearer stuck").await;
    assert_eq!(socket.closed().await, 1013);
}

/// Who takes nothing holds what the systems of both ends take, and a few messages; it does not grow, however many there
/// are, and all go on once they read.
#[tokio::test]
async fn check_40_stalled_sockets_hold_little() {
    const SOCKETS: usize = 1_000;
    const BOUND: usize = 128 << 10;
    let socket = SocketSettings { per_actor: SOCKETS, ..SocketSettings::default() };
    let server = Server::start_narrow(TransportSettings { socket, ..TransportSettings::default() });
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let mut socket = server.signed_in_narrowly().await;
        socket.subscribe("a", "subscription { flood }").await;
        sockets.push(socket);
    }
    let made = server.stalled().await;
    assert!(made / SOCKETS < BOUND, "{} bytes were made for each client that takes nothing", made / SOCKETS);
    assert!(made / SOCKETS > 4_096, "each has begun");
    for socket in &mut sockets {
        assert_eq!(socket.hear().await["id"], "a");
    }
}

/// A write that is blocked for too long closes the socket, and says so to a client that reads again.
#[tokio::test]
async fn a_blocked_write_closes_with_1013() {
    let settings =
        SocketSettings { write: SHORT, goodbye: Duration::from_secs(30), ..SocketSettings::default() };
    let server = server_with(settings).await;
    let mut socket = server.signed_in_narrowly().await;
    socket.subscribe("a", "subscription { flood }").await;
    let code = loop {
        // It stalls for longer than a write may.
        server.stalled().await;
        if let Some(code) = socket.closed_within(64).await {
            break code;
        }
    };
    assert_eq!(code, 1013);
}

/// What is sent of hot operations between the execution of another and its result: a few messages of each, whatever waits
/// in the buffers of both systems.
#[tokio::test]
async fn a_hot_operation_delays_no_other() {
    let server = server().await;
    let mut socket = server.signed_in().await;
    for id in 0..5 {
        socket.subscribe(&id.to_string(), "subscription { flood }").await;
    }
    for _ in 0..20 {
        assert_eq!(socket.hear().await["type"], "next");
    }
    let (mut heard, mut round) = (20u64, 0);
    socket.subscribe("b", "{ flooded }").await;
    while round < 20 {
        let message = socket.hear().await;
        match (message["id"].as_str(), message["type"].as_str()) {
            (Some("b"), Some("next")) => {
                let made = message["payload"]["data"]["flooded"].as_u64().expect("a number") / 4_096;
                let ahead = heard.saturating_sub(made);
                assert!(ahead < 300, "round {round}: {ahead} messages of others were sent first");
            }
            (Some("b"), _) => {
                round += 1;
                socket.subscribe("b", "{ flooded }").await;
            }
            _ => heard += 1,
        }
    }
}
