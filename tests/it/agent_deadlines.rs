//! The agent contract when things take too long or break: slow bodies, a slow database, lost answers, a panic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use muster::agent::AgentSettings;
use muster::auth::Keys;
use muster::bus::{Bus, Channel, LocalBus, Notice};
use muster::clock::Clock;
use muster::config::Networks;
use muster::destination::{Egress, Shipping, ShippingSettings};
use muster::fleet::campaigns::{NewCampaign, Source, Targets};
use muster::fleet::enroll_secrets::NewEnrollSecret;
use muster::fleet::{Fleet, Ports, Settings};
use muster::http::Front;
use muster::policy::Actor;
use muster::spool::{Spool, SpoolSettings};
use muster::store::{Store, StoreSettings};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::harness::agent::raw::{ENDPOINTS, assert_retry, assert_success, object, post};
use crate::harness::agent::{Agent, AgentAnswer, Fault, Identity, body};
use crate::harness::campaign::failures;
use crate::harness::services::postgres::connect;
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};
use crate::harness::{block_on, wire, within_deadline};

on_both!(t24_slow_database, t25_slow_bodies, w14_too_large_and_too_slow, t31_faults, t31_twice_at_once);

/// A database that takes too long: the agent is told before it gives up by itself, keeps what it has, and what it
/// sends again counts once, although the first try may have come through meanwhile.
async fn t24_slow_database(world: World) {
    let settings = &[("agent.answer_timeout", "100ms"), ("campaign.answer_deadline", "100ms")];
    let world = World { server: world.server.restart_with(settings).await, ..world };
    let mut host = world.host("web").await;
    host.poll().await.expect("a check-in");
    let id = world.admin.start("select name").await;
    host.read().await.expect("it is asked");
    let db = connect(&world.server.database_url()).await;
    let lock = db.begin().await.expect("a transaction");
    let slow = match world.server.postgres() {
        Some(_) => "LOCK TABLE hosts, campaigns IN ACCESS EXCLUSIVE MODE",
        None => "UPDATE hosts SET platform = platform",
    };
    lock.execute_unprepared(slow).await.expect("it holds the lock");
    host.write().await.expect_err("nothing is acknowledged that is not durable");
    assert_eq!(host.unsent(), 1);
    host.read().await.expect("a known host is answered from memory");
    let late = body::enroll(host.form, &world.secret, &Identity::linux("late"));
    assert_retry(&post(world.server.address, "enroll", &[], late.clone()).await);
    lock.rollback().await.expect("it lets go");
    db.close().await.expect("a connection closes");
    within_deadline("the answer to be taken", async { while host.write().await.is_err() {} }).await;
    assert_success(&post(world.server.address, "enroll", &[], late).await);
    let stored = Stored::read(&world.server, &id).await;
    stored.assert_laws();
    assert_eq!(stored.answered(), ["web"]);
    assert_eq!(host.ledger.enrollments, 1);
}

/// A body that does not arrive in time, or breaks off, is answered by an error: the agent keeps what it has.
async fn t25_slow_bodies(world: World) {
    let world = World { server: world.server.restart_with(&[("agent.body_timeout", "50ms")]).await, ..world };
    let mut host = world.host("web").await;
    let key = host.node_key.clone().expect("enrolled");
    let authorization = format!("NodeKey {key}");
    for endpoint in ENDPOINTS.into_iter().chain(["nothing"]) {
        for header in [&authorization, "NodeKey unknown"] {
            for ends in [false, true] {
                let headers = [("Authorization", header), ("Content-Length", "1000")];
                let path = format!("/api/osquery/{endpoint}");
                let request = wire::request("POST", &path, &headers, b"{\"data\":[{\"na");
                let mut stream = TcpStream::connect(world.server.address).await.expect("it listens");
                stream.write_all(&request).await.expect("it reads");
                if ends {
                    // Who closes may get no answer; nobody reads it anyway.
                    stream.shutdown().await.expect("it is open");
                    continue;
                }
                let answer = within_deadline("an answer", wire::read_response(&mut stream)).await;
                let answer = answer.expect("an answer, not a reset");
                assert_retry(&answer);
                assert_eq!(
                    answer.header("connection"),
                    Some("close"),
                    "{endpoint}: no rest is taken for a request"
                );
            }
        }
    }
    host.poll().await.expect("the server lives");
}

/// An answer that is too large and never ends: the host is not asked again, and the failure is shown.
async fn w14_too_large_and_too_slow(world: World) {
    let world =
        World { server: world.server.restart_with(&[("agent.body_timeout", "200ms")]).await, ..world };
    let mut host = world.host("web").await;
    let id = world.admin.start("select x").await;
    host.read().await.expect("it is asked");
    let authorization = format!("NodeKey {}", host.node_key.as_deref().expect("enrolled"));
    let headers = [("Authorization", authorization.as_str()), ("Content-Length", "100000000")];
    let start = format!("{{\"queries\":{{\"{}\":[", host.ledger.asked[0].0);
    let request = wire::request("POST", "/api/osquery/distributed/write", &headers, start.as_bytes());
    let mut stream = TcpStream::connect(world.server.address).await.expect("it listens");
    stream.write_all(&request).await.expect("it reads");
    assert_retry(&within_deadline("an answer", wire::read_response(&mut stream)).await.expect("an answer"));
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(failures(&events)["web"], "RESULT_TOO_LARGE");
    host.read().await.expect("a check-in");
    assert_eq!(host.ledger.asked.len(), 1, "it is not asked again");
}

/// Answers that get lost and uploads that are cut, at every endpoint: nothing twice, nothing lost. Fault F16.
async fn t31_faults(world: World) {
    for (number, fault) in [Fault::LoseReply, Fault::CutUpload].into_iter().enumerate() {
        let name = format!("host-{number}");
        let identity = Identity::linux(&name);
        let mut host =
            Agent::new(world.server.address, &world.secret, identity, Arc::new(|_| AgentAnswer::one("a", 1)));
        host.faults.push_back(fault);
        assert!(host.enroll().await);
        let id = world.admin.start_on("select a", json!({ "filter": { "search": name } })).await;
        host.faults.push_back(fault);
        host.config().await.expect("the second try comes through");
        host.faults.push_back(fault);
        host.read().await.expect("the second try comes through");
        host.faults.push_back(fault);
        host.write().await.expect("the second try comes through");
        assert_eq!(world.admin.campaign(&id).await["totals"]["rows"], 1, "{fault:?}");
        Stored::read(&world.server, &id).await.assert_laws();
    }
    let hosts = world.admin.ask("{ hosts(first: 9) { totalCount } }", json!({})).await;
    assert_eq!(hosts["hosts"]["totalCount"], 2, "an enrollment that is repeated is the same host");
}

/// The silent second try: the same request on two connections at once is one request. Fault F15.
async fn t31_twice_at_once(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select a").await;
    host.read().await.expect("it is asked");
    let (query, key) = (&host.ledger.asked[0].0, host.node_key.as_deref().expect("enrolled"));
    let answer = json!({ "queries": { query: [{ "a": "1" }] }, "statuses": { query: 0 }, "node_key": key });
    let lines = json!({ "data": [{ "name": "x" }], "log_type": "result", "node_key": key });
    for (endpoint, document) in [
        ("distributed/write", answer),
        ("log", lines),
        ("config", json!({ "node_key": key })),
        ("distributed/read", json!({ "node_key": key })),
    ] {
        let send = || post(world.server.address, endpoint, &[], document.to_string());
        let (one, other) = tokio::join!(send(), send());
        assert_success(&one);
        assert_success(&other);
    }
    assert_eq!(world.admin.campaign(&id).await["totals"]["rows"], 1);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// A handler that panics, at a live endpoint: the agent reads an error, and is served when the fault is gone; so is the
/// answer writer, which serves all.
#[test]
fn t01_panic() {
    block_on(async {
        let directory = tempfile::tempdir().expect("the system's temporary directory can be written");
        let bus = Arc::new(Mine::default());
        let fleet = core(directory.path(), Arc::clone(&bus)).await;
        fleet.start_engine();
        let server = serve(&fleet).await;
        let made = fleet.create_enroll_secret(&Actor::System, NewEnrollSecret::default(), None).await;
        let secret = made.expect("the store answers").1.expect("it is shown once");
        let answering = Arc::new(|_: &str| AgentAnswer::one("a", 1));
        let mut host = Agent::new(server, &secret, Identity::linux("web"), answering);
        host.poll().await.expect("it is let in");
        let campaign = NewCampaign {
            source: Source::Sql("select a".to_owned()),
            targets: Targets::AllHosts,
            name: None,
            expires_in: Duration::from_mins(1),
        };
        fleet.start_campaign(&Actor::System, campaign, None).await.expect("a campaign");
        host.read().await.expect("it is asked");

        bus.armed.store(true, Ordering::Relaxed);
        let enrollment = body::enroll(host.form, &secret, &host.identity);
        let response = post(server, "enroll", &[], enrollment).await;
        assert_eq!(response.status, 500);
        assert_retry(&response);
        let (query, key) = (&host.ledger.asked[0].0, &host.node_key);
        let answer =
            json!({ "queries": { query: [{ "a": "1" }] }, "statuses": { query: 0 }, "node_key": key });
        assert_retry(&post(server, "distributed/write", &[], answer.to_string()).await);

        bus.armed.store(false, Ordering::Relaxed);
        host.write().await.expect("the writer goes on");
        let config =
            post(server, "config", &[], body::keyed(host.node_key.as_deref().expect("its key"))).await;
        assert!(object(&config).contains_key("schedule"));
        assert_eq!(host.ledger.enrollments, 1, "no key was thrown away");
        fleet.stop_engine().await;
    });
}

/// A bus that panics where it is told to: every verb that changes something ends with a message.
#[derive(Default)]
struct Mine {
    local: LocalBus,
    armed: AtomicBool,
}

impl Bus for Mine {
    fn publish(&self, channel: Channel, message: Bytes) {
        assert!(!self.armed.load(Ordering::Relaxed), "a fault of ours");
        self.local.publish(channel, message);
    }

    fn subscribe(&self, channel: Channel) -> BoxFuture<'_, mpsc::Receiver<Notice>> {
        self.local.subscribe(channel)
    }

    fn healthy(&self) -> bool {
        true
    }
}

async fn core(directory: &std::path::Path, bus: Arc<Mine>) -> Fleet {
    let url = format!("sqlite://{}?mode=rwc", directory.join("muster.db").display());
    let store = Store::connect(&StoreSettings { url, max_connections: 2 }, Clock::System).await;
    let store = store.expect("the file can be opened");
    store.migrate().await.expect("the schema is made");
    let spool = Spool::open(&directory.join("spool"), SpoolSettings::default(), Clock::System);
    let spool = spool.expect("the directory is writable");
    let shipping = ShippingSettings { data: directory.to_owned(), egress: Egress::new(|_| true) };
    let shipping = Shipping::new(spool.clone(), Clock::System, shipping);
    let ports = Ports { store, bus, spool, shipping, keys: Keys::derive(&[7; 32]), clock: Clock::System };
    let quick = Duration::from_secs(1);
    let settings =
        Settings { answer_deadline: quick, vitals_interval: Duration::ZERO, ..Settings::default() };
    let fleet = Fleet::new(ports, settings);
    fleet.catch_up().await.expect("the database answers");
    fleet
}

/// The agent face on a port of the loopback.
async fn serve(fleet: &Fleet) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let router = muster::agent::router(fleet.clone(), AgentSettings::default());
    let router = muster::http::agent_router(&Front::new(Networks::default(), false), router);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });
    address
}
