//! Two servers behind a real nginx, with the configuration of `deploy/`: agents and people notice no proxy, and an
//! agent is never told by it that what it sent has arrived.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;

use crate::harness::agent::raw::{ENDPOINTS, assert_retry, object, post, send};
use crate::harness::agent::{Agent, AgentAnswer, body};
use crate::harness::campaign::rows_by_host;
use crate::harness::personas::Person;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::nginx::Nginx;
use crate::harness::services::not_run;
use crate::harness::stored::Stored;
use crate::harness::tls::{any_client, tunnel};
use crate::harness::world::World;
use crate::harness::{block_on, wire};

/// The servers believe the proxy what it says of whom it speaks for, and learn from each other by themselves.
const SETTINGS: &[(&str, &str)] =
    &[("http.trusted_proxies", "127.0.0.0/8"), ("tasks.changes_interval", "50ms")];

#[test]
fn through_nginx() {
    block_on(async {
        let server = TestServer::start(Backend::Sqlite, SETTINGS).await.expect("SQLite is always there");
        let world = World::on(server).await;
        let other = world.server.beside().await;
        let nginx = match Nginx::before([world.server.address, other.address]) {
            Ok(nginx) => nginx,
            Err(missing) => return not_run("proxies::through_nginx", &missing),
        };
        let proxy = tunnel(any_client(&nginx.ca), nginx.address).await;
        campaign_through(&world, proxy).await;
        mistakes_of_clients(proxy).await;
        let (mut host, id) = one_server_goes(&world, other, proxy).await;
        // Now the second one goes too, and an answer is under way.
        host.read().await.expect("it is asked");
        let stored = Stored::read(&world.server, &id).await;
        assert!(stored.answered().is_empty());
        let leftovers = world.server.leftovers();
        world.server.stop().await;
        host.write().await.expect_err("nobody can take it");
        assert_eq!(host.unsent(), 1, "the agent keeps its answer");
        for endpoint in ENDPOINTS {
            assert_retry(&post(proxy, endpoint, &[], body::keyed("x")).await);
        }
        assert_eq!(host.ledger.enrollments, 1);
        drop(leftovers);
    });
}

/// Hosts enroll, are asked, answer a little and a lot, and log; somebody watches: all of it through the proxy.
async fn campaign_through(world: &World, proxy: SocketAddr) {
    let large = Arc::new(|_: &str| {
        AgentAnswer::rows((0..90).map(|n| [("n", format!("{n}{}", "x".repeat(100_000)))]))
    });
    let mut hosts = vec![
        through(world, proxy, "small", Arc::new(|_: &str| AgentAnswer::one("n", "1"))).await,
        through(world, proxy, "large", large).await,
    ];
    let viewer = Person { server: proxy, ..world.admin.clone() };
    let id = viewer.start("select n").await;
    let mut watching = viewer.follow(&id, None).await;
    assert!(watching.batch().await, "WebSockets are passed on");
    for host in &mut hosts {
        while host.ledger.accepted.is_empty() {
            host.poll().await.expect("9 MB are no matter");
        }
        host.log("result", ["{\"name\":\"x\"}".to_owned()]);
        host.flush_logs().await.expect("the lines are taken");
        host.config().await.expect("it has a configuration");
    }
    let events = watching.to_the_end().await;
    assert_eq!(rows_by_host(&events)["large"].len(), 90);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// What nginx refuses by itself is an object too; to agents it is a failure of ours.
async fn mistakes_of_clients(proxy: SocketAddr) {
    let long = format!("/api/osquery/enroll?{}", "x".repeat(64 << 10));
    for request in [
        b"nonsense\r\n\r\n".to_vec(),
        wire::request("POST", &long, &[], b"{}"),
        wire::request("POST", "/api/osquery/enroll", &[("X-Long", &"x".repeat(64 << 10))], b"{}"),
    ] {
        assert_retry(&send(proxy, &request).await);
    }
    let nowhere = send(proxy, &wire::request("GET", "/metrics", &[], b"")).await;
    assert_eq!(nowhere.status, 404, "metrics are for the inside");
    object(&nowhere);
    let ready = send(proxy, &wire::request("GET", "/readyz", &[], b"")).await;
    assert_eq!(ready.json(), json!({ "status": "ok", "degraded": [] }));
    let unknown = post(proxy, "config", &[], body::keyed("x")).await;
    assert_eq!(object(&unknown)["node_invalid"], true, "what Muster says is passed on as it is");
}

/// One server stops: no agent notices. Answers a host that nobody has asked yet, and what it will be asked.
async fn one_server_goes(world: &World, other: TestServer, proxy: SocketAddr) -> (Agent, String) {
    let mut host = through(world, proxy, "late", Arc::new(|_: &str| AgentAnswer::one("n", "1"))).await;
    host.poll().await.expect("a check-in");
    other.stop().await;
    for _ in 0..20 {
        host.read().await.expect("the other server answers");
        host.config().await.expect("the other server answers");
    }
    let targets = json!({ "filter": { "search": "late" } });
    let id = Person { server: proxy, ..world.admin.clone() }.start_on("select 'late'", targets).await;
    (host, id)
}

/// An enrolled host that reaches its server through the proxy.
async fn through(
    world: &World,
    proxy: SocketAddr,
    name: &str,
    answering: crate::harness::agent::Answering,
) -> Agent {
    let identity = crate::harness::agent::Identity::linux(name);
    let mut agent = Agent::new(proxy, &world.secret, identity, answering);
    assert!(agent.enroll().await, "the secret lets {name} in");
    agent
}
