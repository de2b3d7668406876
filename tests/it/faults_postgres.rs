//! A real PostgreSQL that restarts, is stopped, or comes after its servers: no host is disturbed, nothing is lost.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::agent::raw::{ENDPOINTS, assert_retry, post};
use crate::harness::agent::{Agent, AgentAnswer, Identity, body};
use crate::harness::binary::Process;
use crate::harness::campaign::rows_by_host;
use crate::harness::seeds::is_long;
use crate::harness::server::{Settings, TestServer};
use crate::harness::services::cluster::{Cluster, End};
use crate::harness::services::not_run;
use crate::harness::services::way::Way;
use crate::harness::stored::Stored;
use crate::harness::wire;
use crate::harness::world::World;
use crate::harness::{block_on, within_deadline};

/// Hosts of a test.
const HOSTS: usize = 8;

/// Answers are given up early, though not where a busy machine could still store them, and what is new is looked for often.
const SETTINGS: Settings = &[("campaign.answer_deadline", "2s"), ("tasks.changes_interval", "50ms")];

/// Restarted in the middle of a campaign, once in order and once as in a crash: check-ins are answered from memory,
/// every acknowledged answer is there, and everybody is served again.
#[test]
fn f04_restarted() {
    on_a_cluster("faults_postgres::f04_restarted", async |world, mut cluster| {
        let mut hosts = warm(&world).await;
        for how in [End::Fast, End::Immediate] {
            let id = world.admin.start("select name").await;
            let mut viewing = world.admin.follow(&id, None).await;
            assert!(viewing.batch().await, "the first batch comes at once");
            join_all(hosts.iter_mut().map(Agent::read)).await;
            let early = join_all(hosts[..HOSTS / 2].iter_mut().map(Agent::write));
            let ending = tokio::task::spawn_blocking(move || {
                cluster.end(how);
                cluster
            });
            let (_, ended) = tokio::join!(early, ending);
            cluster = ended.expect("it ends");
            for host in &mut hosts {
                host.read().await.expect("a known host is answered from memory");
            }
            cluster.begin();
            answer_all(&mut hosts).await;
            let events = viewing.to_the_end_over_breaks(&world.admin, &id).await;
            assert_eq!(events, world.admin.events(&id, None, 100).await, "each event once, in order");
            assert_eq!(rows_by_host(&events).len(), HOSTS);
            Stored::read(&world.server, &id).await.assert_laws();
            assert_no_connection_is_stuck(&world).await;
        }
        assert_nobody_enrolled_again(&hosts);
        cluster
    });
}

/// Gone without a word, as when its machine is lost and another takes over: connections stay, and hear nothing. The
/// server gives them up by itself, and reaches the new one. Before it has noticed, and after.
#[test]
fn f04_gone_without_a_word() {
    on_a_way("faults_postgres::f04_gone_without_a_word", SETTINGS, async |world, way| {
        let mut hosts = warm(&world).await;
        for is_noticed in [false, true] {
            assert_no_connection_is_stuck(&world).await;
            let id = world.admin.start("select name").await;
            let mut viewing = world.admin.follow(&id, None).await;
            assert!(viewing.batch().await, "the first batch comes at once");
            join_all(hosts.iter_mut().map(Agent::read)).await;
            way.fall_silent();
            for host in &mut hosts {
                host.read().await.expect("a known host is answered from memory");
            }
            if is_noticed {
                assert_says_nothing(&world, &mut hosts).await;
            }
            way.speak();
            answer_all(&mut hosts).await;
            let events = viewing.to_the_end_over_breaks(&world.admin, &id).await;
            assert_eq!(events, world.admin.events(&id, None, 100).await, "each event once, in order");
            assert_eq!(rows_by_host(&events).len(), HOSTS);
            Stored::read(&world.server, &id).await.assert_laws();
        }
        assert_no_connection_is_stuck(&world).await;
        assert_nobody_enrolled_again(&hosts);
    });
}

/// Gone without a word for a moment: a beat that is late makes the server try new connections before it despairs, and
/// one that is answered ends the old ones. What was under way is stored in time, so that no host is even refused.
#[test]
fn f04_silent_for_a_moment() {
    on_a_way("faults_postgres::f04_silent_for_a_moment", &[], async |world, way| {
        let mut hosts = warm(&world).await;
        let id = world.admin.start("select name").await;
        join_all(hosts.iter_mut().map(Agent::read)).await;
        way.fall_silent();
        within_deadline("new connections to be tried", way.is_tried()).await;
        assert!(!world.server.fleet.database_is_silent(), "there may still be an answer");
        way.speak();
        let written = join_all(hosts.iter_mut().map(Agent::write)).await;
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        let events = world.admin.follow(&id, None).await.to_the_end().await;
        assert_eq!(rows_by_host(&events).len(), HOSTS);
        Stored::read(&world.server, &id).await.assert_laws();
        assert_no_connection_is_stuck(&world).await;
        assert!(hosts.iter().all(|host| host.ledger.refused.is_empty()), "nobody was refused");
        assert_nobody_enrolled_again(&hosts);
    });
}

/// Stopped for a while (a minute in the long tier): hosts go on checking in, nothing is thanked for that is not
/// stored, memory stays bounded, and not one host enrolls again.
#[test]
fn f05_stopped_for_a_while() {
    on_a_cluster("faults_postgres::f05_stopped_for_a_while", async |world, mut cluster| {
        let mut hosts = warm(&world).await;
        let id = world.admin.start("select name").await;
        join_all(hosts.iter_mut().map(Agent::read)).await;
        cluster.end(End::Immediate);
        for _ in 0..if is_long() { 10 } else { 1 } {
            let written = join_all(hosts.iter_mut().map(Agent::write)).await;
            assert!(written.iter().all(Result::is_err), "nothing is acknowledged that is not durable");
            for read in join_all(hosts.iter_mut().map(Agent::read)).await {
                read.expect("a known host is answered from memory");
            }
            let waiting = world.server.fleet.readings().answers_waiting;
            assert!(waiting <= HOSTS as u64, "{waiting} answers wait");
        }
        cluster.begin();
        answer_all(&mut hosts).await;
        let events = world.admin.follow(&id, None).await.to_the_end().await;
        assert_eq!(rows_by_host(&events).len(), HOSTS);
        Stored::read(&world.server, &id).await.assert_laws();
        assert_nobody_enrolled_again(&hosts);
        cluster
    });
}

/// Database and Redis away at once: check-ins are answered all the same, and with both back nothing is missing.
#[test]
fn f05_both_away() {
    on_a_cluster("faults_postgres::f05_both_away", async |world, mut cluster| {
        let mut hosts = warm(&world).await;
        let id = world.admin.start("select name").await;
        join_all(hosts.iter_mut().map(Agent::read)).await;
        let redis = world.server.private_redis().expect("it is the test's own");
        redis.freeze();
        cluster.end(End::Fast);
        let written = join_all(hosts.iter_mut().map(Agent::write)).await;
        assert!(written.iter().all(Result::is_err), "nothing is acknowledged that is not durable");
        for host in &mut hosts {
            host.read().await.expect("a known host is answered from memory");
        }
        cluster.begin();
        answer_all(&mut hosts).await;
        redis.thaw();
        let events = world.admin.follow(&id, None).await.to_the_end().await;
        assert_eq!(rows_by_host(&events).len(), HOSTS);
        assert_nobody_enrolled_again(&hosts);
        cluster
    });
}

/// A server that starts before its database answers every agent with an error to be tried again, says that it is
/// degraded and lives, and serves once the database is there. Started again while the database is away, it does not
/// make the hosts it knows enroll.
#[test]
fn f06_started_before_its_database() {
    block_on(async {
        let mut cluster = match Cluster::make() {
            Ok(cluster) => cluster,
            Err(missing) => return not_run("faults_postgres::f06_started_before_its_database", &missing),
        };
        let mut process = Process::start_on(Some(cluster.database().into()), None, Vec::new());
        assert_waits(&process).await;
        cluster.begin();
        process.has_logged("the database is there").await;
        process.has_logged("make the first administrator").await;
        let mut host = enrolled(&process).await;
        host.poll().await.expect("it serves");
        assert_eq!(ready(&process).await, (200, json!({ "status": "ok", "degraded": [] })));

        cluster.end(End::Fast);
        process.kill();
        process.restart();
        host.read().await.expect_err("nobody is known yet");
        assert_waits(&process).await;
        cluster.begin();
        within_deadline("to be served", async { while host.poll().await.is_err() {} }).await;
        assert_eq!(host.ledger.enrollments, 1, "it had no reason to enroll again");
    });
}

/// A server that started before its database, and then finds one of a later version, serves nothing of it.
#[test]
fn f29_started_before_a_newer_database() {
    block_on(async {
        let mut cluster = match Cluster::start() {
            Ok(cluster) => cluster,
            Err(missing) => return not_run("faults_postgres::f29_started_before_a_newer_database", &missing),
        };
        let first = Process::start_on(Some(cluster.database().into()), None, Vec::new());
        drop(first);
        crate::migrations::add_a_step_of_the_future(&cluster.database().url).await;
        cluster.end(End::Fast);
        let mut process = Process::start_on(Some(cluster.database().into()), None, Vec::new());
        assert_waits(&process).await;
        cluster.begin();
        process.has_logged("the database is newer than this muster").await;
        assert_eq!(process.exit_code().await, Some(1));
    });
}

/// Runs a test in a world on a PostgreSQL of its own, which the test gives back.
fn on_a_cluster(test: &str, law: impl AsyncFnOnce(World, Cluster) -> Cluster) {
    block_on(async {
        let cluster = match Cluster::start() {
            Ok(cluster) => cluster,
            Err(missing) => return not_run(test, &missing),
        };
        match TestServer::start_on_private(cluster.database(), SETTINGS).await {
            Ok(server) => drop(law(World::on(server).await, cluster).await),
            Err(missing) => not_run(test, &missing),
        }
    });
}

/// Runs a test in a world whose PostgreSQL is at the end of a way that may fall silent.
fn on_a_way(test: &str, settings: Settings, law: impl AsyncFnOnce(World, Way)) {
    block_on(async {
        let cluster = match Cluster::start() {
            Ok(cluster) => cluster,
            Err(missing) => return not_run(test, &missing),
        };
        let way = Way::to(cluster.place());
        match TestServer::start_on_private(way.database(), settings).await {
            Ok(server) => law(World::on(server).await, way).await,
            Err(missing) => not_run(test, &missing),
        }
    });
}

/// What a server does whose database says nothing: what agents bring is refused, and never for their fault.
async fn assert_says_nothing(world: &World, hosts: &mut [Agent]) {
    let written = join_all(hosts.iter_mut().map(Agent::write)).await;
    assert!(written.iter().all(Result::is_err), "nothing is acknowledged that is not durable");
    let noticed = async {
        while !world.server.fleet.database_is_silent() {
            tokio::task::yield_now().await;
        }
    };
    within_deadline("the silence to be noticed", noticed).await;
    for endpoint in ENDPOINTS.into_iter().filter(|endpoint| *endpoint != "enroll") {
        // A key that could be ours, and that nobody can look up.
        assert_retry(&post(world.server.address, endpoint, &[], body::keyed(&"A".repeat(43))).await);
    }
    for host in hosts {
        host.read().await.expect("a known host is answered from memory");
    }
    let request = wire::request("GET", "/readyz", &[], b"");
    let ready = within_deadline("an answer", wire::exchange(world.server.address, &request)).await;
    let said = ready.expect("it answers").json();
    assert!(said["degraded"].as_array().is_some_and(|parts| parts.contains(&json!("database"))), "{said}");
}

/// Hosts that have checked in, so that they are known.
async fn warm(world: &World) -> Vec<Agent> {
    let mut hosts = world.hosts(HOSTS).await;
    for host in &mut hosts {
        host.poll().await.expect("a check-in");
    }
    hosts
}

/// Every host gets what it has through, as soon as the server can take it.
async fn answer_all(hosts: &mut [Agent]) {
    let answers = hosts.iter_mut().map(|host| async move {
        while host.write().await.is_err() {}
        assert_eq!(host.unsent(), 0);
    });
    within_deadline("the answers to be taken", join_all(answers)).await;
}

/// More people at once than there are connections are all answered.
async fn assert_no_connection_is_stuck(world: &World) {
    let ask = || world.admin.ask("{ hosts(first: 1) { totalCount } }", json!({}));
    let answers = within_deadline("people to be answered", join_all((0..40).map(|_| ask()))).await;
    assert!(answers.iter().all(|answer| answer["hosts"]["totalCount"] == HOSTS));
}

fn assert_nobody_enrolled_again(hosts: &[Agent]) {
    assert!(hosts.iter().all(|host| host.ledger.enrollments == 1), "nobody had to enroll again");
}

/// What a server says that has no database yet.
async fn assert_waits(process: &Process) {
    for endpoint in ENDPOINTS {
        let body = match endpoint {
            "enroll" => {
                json!({ "enroll_secret": "A".repeat(43), "host_identifier": "web" }).to_string().into_bytes()
            }
            _ => body::keyed(&"A".repeat(43)),
        };
        assert_retry(&post(process.address, endpoint, &[], body).await);
    }
    assert_eq!(get(process, "/healthz").await.0, 200, "the process lives");
    let (status, said) = ready(process).await;
    assert_eq!((status, &said["status"]), (200, &json!("degraded")), "agents can be answered");
    assert!(said["degraded"].as_array().is_some_and(|parts| parts.contains(&json!("database"))), "{said}");
    let nobody = crate::harness::personas::Person::anonymous(process.address);
    let login = "mutation { login(input: { email: \"a@b.c\", password: \"x\" }) { accessToken } }";
    let answer = nobody.gql(login, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{answer}");
}

async fn ready(process: &Process) -> (u16, serde_json::Value) {
    get(process, "/readyz").await
}

async fn get(process: &Process, path: &str) -> (u16, serde_json::Value) {
    let request = wire::request("GET", path, &[], b"");
    let answer = within_deadline("an answer", wire::exchange(process.address, &request)).await;
    let answer = answer.expect("it answers");
    (answer.status, answer.json())
}

async fn enrolled(process: &Process) -> Agent {
    let secret = process.command(&["enroll", "secret"], "");
    let answering = Arc::new(|_: &str| AgentAnswer::one("x", "1"));
    let mut agent = Agent::new(process.address, &secret, Identity::linux("web"), answering);
    assert!(within_deadline("to be let in", agent.enroll()).await);
    agent
}
