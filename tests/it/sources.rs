//! Where requests come from, and what they are called: by whom the server believes.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::harness::agent::raw::{object, post};
use crate::harness::block_on;
use crate::harness::server::{Backend, TestServer};
use crate::harness::wire::{self, connect_from};
use crate::harness::world::World;

/// A source is whom a trusted proxy names: each has its own limit of wrong secrets.
#[test]
fn sources_behind_a_trusted_proxy() {
    block_on(async {
        let world = World::on(start(&[("http.trusted_proxies", "127.0.0.0/8")]).await).await;
        let server = world.server.address;
        for number in 0..100 {
            assert_eq!(enroll(server, number, "192.0.2.1").await, 401);
        }
        assert_eq!(enroll(server, 100, "192.0.2.1").await, 429, "the source has had its tries");
        assert_eq!(enroll(server, 101, "6.6.6.6, 192.0.2.1").await, 429, "and can't be another one");
        assert_eq!(enroll(server, 102, "192.0.2.1, 192.0.2.2").await, 401, "others have theirs");
        world.server.stop().await;
    });
}

/// What is no trusted proxy can name nobody.
#[test]
fn sources_behind_nobody() {
    block_on(async {
        let world = World::on(start(&[]).await).await;
        let server = world.server.address;
        for number in 0..100 {
            assert_eq!(enroll(server, number, &format!("192.0.2.{number}")).await, 401);
        }
        assert_eq!(enroll(server, 100, "192.0.2.100").await, 429);
        world.server.stop().await;
    });
}

/// Every answer has the id of its request, errors of GraphQL tell the same, and only a trusted proxy chooses it.
#[test]
fn ids_of_requests() {
    block_on(async {
        let server = start(&[("http.trusted_proxies", "127.0.0.2")]).await;
        let headers = [("X-Request-Id", "chosen-outside"), ("Content-Type", "application/json")];
        let request = wire::request("POST", "/graphql", &headers, b"{\"query\":\"{ nothing }\"}");
        let mut ids = Vec::new();
        for source in [[127, 0, 0, 1], [127, 0, 0, 1], [127, 0, 0, 2]] {
            let mut stream = connect_from(source, server.address).await;
            stream.write_all(&request).await.expect("it is read");
            let response = wire::read_response(&mut stream).await.expect("an answer");
            let id = response.header("x-request-id").expect("every answer has one").to_owned();
            assert_eq!(response.json()["errors"][0]["extensions"]["requestId"], id);
            ids.push(id);
        }
        assert_ne!(ids[0], ids[1]);
        assert!(ids[0].starts_with("req_") && ids[1].starts_with("req_"), "{ids:?}");
        assert_eq!(ids[2], "chosen-outside");
        let agent = post(server.address, "config", &[], "{}").await;
        assert!(agent.header("x-request-id").is_some());
        server.stop().await;
    });
}

/// Tries a wrong secret for a host behind a proxy; the status.
async fn enroll(server: SocketAddr, number: u32, forwarded_for: &str) -> u16 {
    let document = json!({ "enroll_secret": format!("{number:043}"), "host_identifier": "wrong" });
    let response = post(server, "enroll", &[("X-Forwarded-For", forwarded_for)], document.to_string()).await;
    object(&response);
    response.status
}

async fn start(settings: &'static [(&'static str, &'static str)]) -> TestServer {
    TestServer::start(Backend::Sqlite, settings).await.expect("SQLite is always there")
}
