//! The listener: who is served, who is let go, and what is said to requests that are none.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::harness::agent::body;
use crate::harness::agent::raw::{assert_retry, send};
use crate::harness::server::{Backend, TestServer};
use crate::harness::wire::{self, connect_from};
use crate::harness::world::{World, on_both};
use crate::harness::{block_on, within_deadline};

on_both!(operators_paths, unknown_paths);

/// A server that works says so at every path an operator asks.
async fn operators_paths(world: World) {
    assert_eq!(get(&world, "/healthz").await, (200, json!({ "status": "ok" })));
    assert_eq!(get(&world, "/readyz").await, (200, json!({ "status": "ok", "degraded": [] })));
    let (status, version) = get(&world, "/version").await;
    assert_eq!((status, &version["version"]), (200, &json!(env!("CARGO_PKG_VERSION"))));
    let metrics = send(world.server.address, &wire::request("GET", "/metrics", &[], b"")).await;
    assert_eq!(metrics.status, 200);
}

/// What is nowhere is told as an object, which an agent does not take for success.
async fn unknown_paths(world: World) {
    for path in ["/", "/nothing", "/healthz/x", "/api"] {
        let (status, body) = get(&world, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(body["error"].is_string(), "{path}: {body}");
    }
}

/// What is no request, or has too much of a head, is told as an object too: an agent would take an empty body for
/// success and delete what it sent.
#[test]
fn requests_that_are_none() {
    block_on(async {
        let server = start(&[]).await;
        let path = format!("/api/osquery/log?{}", "x".repeat(70_000));
        let header = "x".repeat(300_000);
        let headers: Vec<_> = (0..150).map(|_| ("X-Many", "y")).collect();
        let cases = [
            (400, b"\x16\x03\x01 this is TLS, or what\r\n\r\n".to_vec()),
            (400, b"POST /api/osquery/log HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_vec()),
            (414, wire::request("POST", &path, &[], b"{}")),
            (431, wire::request("POST", "/api/osquery/log", &[("X-Large", &header)], b"{}")),
            (431, wire::request("POST", "/api/osquery/log", &headers, b"{}")),
        ];
        for (status, request) in cases {
            let shown = String::from_utf8_lossy(&request[..20]).into_owned();
            match within_deadline("an answer", wire::exchange(server.address, &request)).await {
                Ok(response) => {
                    assert!(
                        response.status == status || response.status == 431,
                        "{shown}: {}",
                        response.status
                    );
                    assert_retry(&response);
                }
                // What was not read of it resets the connection: a failure to an agent as well.
                Err(error) => assert!(request.len() > 60_000, "{shown}: {error}"),
            }
        }
        server.stop().await;
    });
}

/// Who connects and says nothing is let go, and only them: who has spoken may pause for longer.
#[test]
fn a_silent_connection_is_closed() {
    block_on(async {
        let server = start(&[("http.header_timeout", "50ms"), ("http.idle_timeout", "1h")]).await;
        let mut spoken = connect(server.address).await;
        assert_eq!(ask(&mut spoken).await.status, 200);
        for _ in 0..3 {
            assert_closed(connect(server.address).await).await;
        }
        assert_eq!(ask(&mut spoken).await.status, 200, "it was only quiet");
        server.stop().await;
    });
}

/// Who has spoken and begins another request has no longer for it than for the first.
#[test]
fn a_later_request_must_come_in_time_too() {
    block_on(async {
        let server = start(&[("http.header_timeout", "50ms"), ("http.idle_timeout", "1h")]).await;
        let mut stream = connect(server.address).await;
        assert_eq!(ask(&mut stream).await.status, 200);
        stream.write_all(b"GET /healthz HT").await.expect("it is read");
        assert_closed(stream).await;
        server.stop().await;
    });
}

/// Who asks nothing more is let go.
#[test]
fn an_idle_connection_is_closed() {
    block_on(async {
        let server = start(&[("http.idle_timeout", "50ms")]).await;
        let mut stream = connect(server.address).await;
        assert_eq!(ask(&mut stream).await.status, 200);
        assert_closed(stream).await;
        server.stop().await;
    });
}

/// Who asks for much and takes nothing is let go too.
#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    block_on(async {
        let server = start(&[("http.idle_timeout", "200ms")]).await;
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("it can be small");
        let mut stream = socket.connect(server.address).await.expect("it listens");
        let request = wire::request("GET", "/version", &[], b"");
        let refused = async { while stream.write_all(&request).await.is_ok() {} };
        within_deadline("the server to hang up", refused).await;
        server.stop().await;
    });
}

/// Many clients that send a byte of their headers, or of their body, at a time are cut off, and an honest agent is
/// served all the while.
#[test]
fn f26_slow_clients() {
    block_on(async {
        let settings = &[("http.header_timeout", "300ms"), ("agent.body_timeout", "300ms")];
        let world = World::on(start(settings).await).await;
        let mut honest = world.host("honest").await;
        let key = honest.node_key.clone().expect("enrolled");
        let headers = wire::request("POST", "/api/osquery/log", &[], b"{}");
        let body = wire::request("POST", "/api/osquery/log", &[], body::keyed(&key).as_ref());
        let head = body.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
        let mut slow = JoinSet::new();
        for number in 0..200 {
            let (request, at_once) =
                if number % 2 == 0 { (headers.clone(), 0) } else { (body.clone(), head) };
            slow.spawn(trickle(world.server.address, request, at_once));
        }
        let mut polls = 0;
        while let Some(cut) = within_deadline("a slow client to be cut off", slow.join_next()).await {
            cut.expect("it was cut off before its request was whole");
            honest.poll().await.expect("an honest agent is served");
            polls += 1;
        }
        assert_eq!(polls, 200);
        world.server.stop().await;
    });
}

/// Sends a part at once, then all but the last byte one by one: as long as the server keeps the connection, the request
/// is never whole.
async fn trickle(server: SocketAddr, request: Vec<u8>, at_once: usize) {
    let mut stream = connect(server).await;
    stream.write_all(&request[..at_once]).await.expect("it is read");
    for byte in &request[at_once..request.len() - 1] {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
    let mut answer = Vec::new();
    // A refusal, a mere end, or a reset; never a success.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

/// One source has only so many connections at a time, others have theirs.
#[test]
fn one_source_has_its_share() {
    block_on(async {
        let server = start(&[("http.max_connections_per_source", "2")]).await;
        let mut first = connect(server.address).await;
        let mut second = connect(server.address).await;
        assert_eq!(ask(&mut first).await.status, 200);
        assert_eq!(ask(&mut second).await.status, 200);
        assert_closed(connect(server.address).await).await;
        let mut other = connect_from([127, 0, 0, 2], server.address).await;
        assert_eq!(ask(&mut other).await.status, 200, "another source has its own");
        drop(first);
        let again = async {
            loop {
                let mut stream = connect(server.address).await;
                stream.write_all(&version()).await.ok();
                if wire::read_response(&mut stream).await.is_ok() {
                    return;
                }
            }
        };
        within_deadline("the place to be free again", again).await;
        server.stop().await;
    });
}

/// With every place taken others wait, and come in when somebody goes.
#[test]
fn others_wait_for_a_place() {
    block_on(async {
        let server = start(&[("http.max_connections", "3"), ("http.max_connections_per_source", "3")]).await;
        let mut inside = Vec::new();
        for _ in 0..3 {
            let mut stream = connect(server.address).await;
            assert_eq!(ask(&mut stream).await.status, 200);
            inside.push(stream);
        }
        let mut waiting = connect(server.address).await;
        waiting.write_all(&version()).await.expect("the system takes it");
        for stream in &mut inside {
            assert_eq!(ask(stream).await.status, 200, "who is inside is served");
        }
        drop(inside.pop());
        let answer = within_deadline("the place", wire::read_response(&mut waiting)).await;
        assert_eq!(answer.expect("an answer").status, 200);
        server.stop().await;
    });
}

/// A request that comes in while the server stops is answered; readiness says that others should be asked.
#[test]
fn a_server_that_stops_is_not_ready() {
    block_on(async {
        let server = start(&[]).await;
        let mut idle = connect(server.address).await;
        assert_eq!(ask(&mut idle).await.status, 200);
        let mut late = connect(server.address).await;
        late.write_all(b"GET /readyz HTTP/1.1\r\nHost: a\r\n").await.expect("it is read");
        assert_eq!(ask(&mut connect(server.address).await).await.status, 200, "so the others were accepted");
        server.begin_to_stop();
        assert_closed(idle).await;
        late.write_all(b"\r\n").await.expect("it is read");
        let response = wire::read_response(&mut late).await.expect("an answer");
        assert_eq!((response.status, &response.json()["status"]), (503, &json!("stopping")));
        server.stop().await;
    });
}

/// Metrics may ask for a token.
#[test]
fn metrics_with_a_token() {
    block_on(async {
        let server = start(&[("metrics.token", "hush-hush")]).await;
        for (authorization, status) in [("", 401), ("Bearer wrong", 401), ("Bearer hush-hush", 200)] {
            let headers = [("Authorization", authorization)];
            let response = send(server.address, &wire::request("GET", "/metrics", &headers, b"")).await;
            assert_eq!(response.status, status, "{authorization}");
        }
        server.stop().await;
    });
}

async fn start(settings: &'static [(&'static str, &'static str)]) -> TestServer {
    TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is always there")
}

async fn connect(server: SocketAddr) -> TcpStream {
    TcpStream::connect(server).await.expect("it listens")
}

/// Asks for the version, and keeps the connection.
async fn ask(stream: &mut TcpStream) -> wire::Response {
    stream.write_all(&version()).await.expect("it is read");
    within_deadline("an answer", wire::read_response(stream)).await.expect("an answer")
}

fn version() -> Vec<u8> {
    wire::request("GET", "/version", &[], b"")
}

async fn assert_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let read = within_deadline("the server to hang up", stream.read_to_end(&mut rest)).await;
    // Whether as an end or as a reset is the system's choice.
    assert!(read.is_err() || rest.is_empty(), "not a word: {}", String::from_utf8_lossy(&rest));
}

async fn get(world: &World, path: &str) -> (u16, Value) {
    let response = send(world.server.address, &wire::request("GET", path, &[], b"")).await;
    (response.status, serde_json::from_slice(&response.body).expect("the body is JSON"))
}
