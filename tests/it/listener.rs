//! The listener and the operator's paths.

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::harness::agent::raw::send;
use crate::harness::server::{Backend, TestServer};
use crate::harness::wire;
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

/// Who connects and says nothing is let go, and only them: who has spoken may pause for longer.
#[test]
fn a_silent_connection_is_closed() {
    block_on(async {
        let settings = &[("http.header_timeout", "50ms")];
        let server = TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is always there");
        let mut silent = TcpStream::connect(server.address).await.expect("it listens");
        let mut buffer = [0; 1];
        let read = within_deadline("the server to hang up", silent.read(&mut buffer)).await;
        assert_eq!(read.expect("an orderly end"), 0);
        server.stop().await;
    });
}

async fn get(world: &World, path: &str) -> (u16, Value) {
    let response = send(world.server.address, &wire::request("GET", path, &[], b"")).await;
    (response.status, serde_json::from_slice(&response.body).expect("the body is JSON"))
}
