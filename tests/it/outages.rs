//! What agents and viewers notice of a bus or a database that is away: little, and nothing is lost.

use serde_json::{Value, json};

use crate::harness::agent::raw::{assert_retry, post};
use crate::harness::agent::{Agent, AgentAnswer, Identity, body};
use crate::harness::campaign::rows_by_host;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;
use crate::harness::stored::Stored;
use crate::harness::wire;
use crate::harness::world::{World, on_both};
use crate::harness::{block_on, within_deadline};

on_both!(f09_frozen_bus);

/// A frozen Redis fails no agent, loses no row, and keeps no viewer from the end: the store says it all.
async fn f09_frozen_bus(world: World) {
    let mut hosts = world.hosts(4).await;
    let id = world.admin.start("select name").await;
    let mut before = world.admin.follow(&id, None).await;
    assert!(before.batch().await, "the first batch comes at once");
    let redis = world.server.private_redis();
    redis.inspect(|redis| redis.freeze());
    for host in &mut hosts {
        host.poll().await.expect("agents notice nothing");
    }
    let during = world.admin.follow(&id, None).await;
    world.server.tick().await;
    let events = before.to_the_end().await;
    assert_eq!(rows_by_host(&events).len(), 4);
    assert_eq!(during.to_the_end().await, events);
    redis.inspect(|redis| redis.thaw());
    Stored::read(&world.server, &id).await.assert_laws();
}

/// A database that is away is never blamed on a host: check-ins are answered from memory, what needs the database is
/// answered with an error that is tried again, and when it is back everything goes on where it was.
/// Cases T03, T04.
#[test]
fn f05_database_away() {
    block_on(async {
        let settings = &[("campaign.answer_deadline", "200ms")];
        let server = match TestServer::start(Backend::Postgres, settings).await {
            Ok(server) => server,
            Err(missing) => return not_run("outages::f05_database_away", &missing),
        };
        let world = World::on(server).await;
        let mut host = world.host("web").await;
        host.poll().await.expect("a check-in");
        let id = world.admin.start("select name").await;
        host.read().await.expect("it is asked");
        let database = world.server.postgres().expect("it is one");
        database.take_away().await;
        assert_agents_are_told_to_try_again(&world, &mut host).await;
        assert_operators_are_told(&world).await;
        database.bring_back().await;
        within_deadline("the answer to be taken", async { while host.write().await.is_err() {} }).await;
        assert_eq!(host.ledger.enrollments, 1, "nobody had to enroll again");
        let events = world.admin.follow(&id, None).await.to_the_end().await;
        assert_eq!(rows_by_host(&events)["web"], [json!({ "name": "web" })]);
        Stored::read(&world.server, &id).await.assert_laws();
        world.server.leftovers().remove().await;
    });
}

/// While answers can't be committed nobody is asked anything; once they can, everybody is, though nobody brought
/// another answer to try with.
#[test]
fn f05_asked_again() {
    block_on(async {
        let settings = &[("campaign.answer_deadline", "200ms")];
        let server = match TestServer::start(Backend::Postgres, settings).await {
            Ok(server) => server,
            Err(missing) => return not_run("outages::f05_asked_again", &missing),
        };
        let world = World::on(server).await;
        let (mut gone, mut here) = (world.host("gone").await, world.host("here").await);
        here.config().await.expect("its key is used, and known from here on");
        world.admin.start("select name").await;
        gone.read().await.expect("it is asked");
        let database = world.server.postgres().expect("it is one");
        database.take_away().await;
        gone.write().await.expect_err("nothing is acknowledged that is not durable");
        here.read().await.expect("it is answered from memory");
        assert_eq!(here.ledger.asked.len(), 0, "and asked nothing");
        database.bring_back().await;
        let asked = async {
            while here.ledger.asked.is_empty() {
                // The first runs may still meet connections that died.
                let _ = muster::tasks::run_once(&world.server.fleet).await;
                here.read().await.expect("it is answered from memory");
            }
        };
        within_deadline("the other host to be asked", asked).await;
        world.server.leftovers().remove().await;
    });
}

async fn assert_agents_are_told_to_try_again(world: &World, host: &mut Agent) {
    let server = world.server.address;
    host.read().await.expect("a known host is answered from memory");
    host.write().await.expect_err("nothing is acknowledged that is not durable");
    assert_eq!(host.unsent(), 1, "the agent keeps its answer");
    host.log("result", ["{\"name\":\"x\"}".to_owned()]);
    host.flush_logs().await.expect("log lines need no database");
    for endpoint in ["config", "distributed/read", "distributed/write", "log"] {
        // A key that could be ours, and that nobody can look up.
        assert_retry(&post(server, endpoint, &[], body::keyed(&"A".repeat(43))).await);
    }
    let late = Identity::linux("late");
    let mut late = Agent::new(server, &world.secret, late, std::sync::Arc::new(|_| AgentAnswer::empty()));
    assert!(!late.enroll().await, "it is not let in now");
    let enrollment = body::enroll(late.form, &world.secret, &late.identity);
    assert_retry(&post(server, "enroll", &[], enrollment).await);
}

async fn assert_operators_are_told(world: &World) {
    let get = async |path: &str| {
        let request = wire::request("GET", path, &[], b"");
        within_deadline("an answer", wire::exchange(world.server.address, &request))
            .await
            .expect("it answers")
    };
    assert_eq!(get("/healthz").await.status, 200, "the process lives");
    let ready = get("/readyz").await;
    assert_eq!(ready.status, 200, "agents can be answered");
    assert_eq!(ready.json(), json!({ "status": "degraded", "degraded": ["database", "answers"] }));
    let response = world.admin.gql("{ hosts(first: 1) { totalCount } }", json!({})).await;
    assert_eq!(response["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{response}");
    assert_eq!(response["data"]["hosts"], Value::Null);
}
