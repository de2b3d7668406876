//! The checks of WebSockets, by number, against the whole server; the protocol line by line is tested beside its driver
//! (`src/graphql/transport/tests/socket.rs`).

use std::time::Duration;

use muster::policy::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::server::Backend;
use crate::harness::socket::{Said, Socket, Told};
use crate::harness::wire;
use crate::harness::within_deadline;
use crate::harness::world::{World, run};

/// Each check is a test on a server of its own.
macro_rules! checks {
    ($($check:ident),+ $(,)?) => {$(
        #[test]
        fn $check() {
            run(Backend::Sqlite, stringify!($check), laws::$check);
        }
    )+};
}

checks!(
    check_08_foreign_origins_open_no_socket,
    check_09_the_legacy_subprotocol,
    check_10_init_in_time,
    check_11_a_second_init,
    check_12_before_the_ack,
    check_13_ids_in_use,
    check_14_errors_and_what_follows,
    check_15_a_token_that_ends,
    check_16_a_permission_that_ends,
);

mod laws {
    use super::*;

    pub(super) async fn check_08_foreign_origins_open_no_socket(world: World) {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
            let request = wire::request("GET", "/graphql", &upgrade(&[("Origin", origin)]), b"");
            let answer = within_deadline("an answer", wire::exchange(world.server.address, &request)).await;
            let answer = answer.expect("it answers");
            assert_eq!((answer.status, answer.header("upgrade")), (403, None), "{origin}");
        }
        let own = format!("http://{}", world.server.address);
        assert!(
            handshake(&world, &[("Origin", &own), ("Host", &world.server.address.to_string())])
                .await
                .starts_with(b"HTTP/1.1 101")
        );
    }

    /// It is not chosen, and the socket ends with 4406 at once.
    pub(super) async fn check_09_the_legacy_subprotocol(world: World) {
        let answer = handshake(&world, &[("Sec-WebSocket-Protocol", "graphql-ws")]).await;
        let answer = wire::parse(&answer).expect("a head");
        assert_eq!(answer.header("sec-websocket-protocol"), None);
        let close = [0x88, 0x1c, 0x11, 0x36];
        assert!(answer.body.starts_with(&close), "{:?}", answer.body);
    }

    pub(super) async fn check_10_init_in_time(world: World) {
        let mut silent = Socket::open(world.server.address).await;
        assert_eq!(silent.next().await, Said::Closed(4408));
        let (_, said) = Socket::init(world.server.address, Some("no token")).await;
        assert_eq!(said, Said::Closed(4403));
    }

    pub(super) async fn check_11_a_second_init(world: World) {
        let mut socket = signed_in(&world).await;
        socket.send(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.next().await, Said::Closed(4429));
    }

    pub(super) async fn check_12_before_the_ack(world: World) {
        let mut socket = Socket::open(world.server.address).await;
        socket.send(&json!({ "type": "ping" })).await;
        assert_eq!(socket.next().await, Said::Message(json!({ "type": "pong" })));
        socket.send(&subscribe("1", "{ __typename }")).await;
        assert_eq!(socket.next().await, Said::Closed(4401));
    }

    pub(super) async fn check_13_ids_in_use(world: World) {
        let mut socket = signed_in(&world).await;
        socket.send(&json!({ "type": "complete", "id": "unknown" })).await;
        for _ in 0..2 {
            socket.send(&subscribe("1", "{ __typename }")).await;
            assert_eq!(message(&mut socket).await["type"], "next");
            assert_eq!(message(&mut socket).await["type"], "complete");
        }
        let watch = "subscription { campaignChanged { id } }";
        socket.send(&subscribe("1", watch)).await;
        socket.send(&subscribe("1", watch)).await;
        assert_eq!(socket.next().await, Said::Closed(4409));
        let mut socket = signed_in(&world).await;
        socket.send(&json!({ "type": "start", "id": "1" })).await;
        assert_eq!(socket.next().await, Said::Closed(4400));
    }

    /// What does not start is an error, and nothing follows it; the 51st operation is refused alone.
    pub(super) async fn check_14_errors_and_what_follows(world: World) {
        let mut socket = signed_in(&world).await;
        for document in
            ["{", "{ unknown }", "subscription { campaignEvents(campaignId: \"cmp_1\") { isFinal } }"]
        {
            socket.send(&subscribe("1", document)).await;
            let error = message(&mut socket).await;
            assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("1")), "{document}");
        }
        for id in 0..=50 {
            socket.send(&subscribe(&id.to_string(), "subscription { campaignChanged { id } }")).await;
        }
        let refused = message(&mut socket).await;
        assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("50")));
        assert_eq!(refused["payload"][0]["extensions"]["code"], "RATE_LIMITED");
        socket.send(&json!({ "type": "complete", "id": "0" })).await;
        socket.send(&subscribe("50", "{ __typename }")).await;
        assert_eq!(message(&mut socket).await["type"], "next");
    }

    pub(super) async fn check_15_a_token_that_ends(world: World) {
        let mut watching = world.admin.subscribe("subscription { campaignChanged { id } }", json!({})).await;
        world.server.advance(Duration::from_mins(15));
        assert_eq!(watching.next().await, Told::Closed(4403), "and nothing before it");
    }

    pub(super) async fn check_16_a_permission_that_ends(world: World) {
        let team = world.team("berlin").await;
        let _host = world
            .host_with(
                "web",
                &world.team_secret(&team).await,
                std::sync::Arc::new(|_| unreachable!("it is not asked")),
            )
            .await;
        let person = world.person("observer", Role::Observer, Some(&team)).await;
        let id = world.admin.start("select 1").await;
        let query = "subscription($id: ID!) { campaignEvents(campaignId: $id) { isFinal } }";
        let mut watching = person.subscribe(query, json!({ "id": id })).await;
        assert!(matches!(watching.next().await, Told::Next(_)), "it may see it");
        world.take_role(&person, &team).await;
        world.server.tick().await;
        assert_eq!(watching.next().await, Told::Closed(4403), "and no event before it");
    }
}

fn subscribe(id: &str, document: &str) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": document } })
}

async fn signed_in(world: &World) -> Socket {
    let (socket, said) = Socket::init(world.server.address, world.admin.token.as_deref()).await;
    assert_eq!(said, Said::Message(json!({ "type": "connection_ack" })));
    socket
}

async fn message(socket: &mut Socket) -> Value {
    match socket.next().await {
        Said::Message(message) => message,
        closed @ Said::Closed(_) => panic!("{closed:?}"),
    }
}

/// The headers of a handshake, and these.
fn upgrade<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    if !headers.iter().any(|(name, _)| *name == "Sec-WebSocket-Protocol") {
        all.push(("Sec-WebSocket-Protocol", "graphql-transport-ws"));
    }
    all.extend(headers);
    all
}

/// A handshake with these headers that is accepted: all that the server says until it closes.
async fn handshake(world: &World, headers: &[(&str, &str)]) -> Vec<u8> {
    let request = wire::request("GET", "/graphql", &upgrade(headers), b"");
    within_deadline("the server to close", async {
        let mut stream = TcpStream::connect(world.server.address).await.expect("it listens");
        stream.write_all(&request).await.expect("it reads");
        let mut answer = Vec::new();
        // What was received before a reset is the answer.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    })
    .await
}
