//! Periodic tasks: who runs those that one server runs at a time, and that another goes on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use entity::campaign_events;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use crate::harness::binary::Process;
use crate::harness::personas::Person;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;
use crate::harness::services::postgres::connect;
use crate::harness::world::{World, on_both};
use crate::harness::{block_on, within_deadline};

on_both!(one_server_keeps_house, who_stops_gives_it_back, s44_cursors_of_events_that_are_gone);

const SETTINGS: &[(&str, &str)] =
    &[("tasks.changes_interval", "50ms"), ("tasks.expiry_interval", "50ms"), ("tasks.lease", "150ms")];

/// Of two servers one keeps house. It dies in the middle of its work; once its lease is over the other one keeps house,
/// and ends what nobody ended meanwhile. The calendar of the database says when that is.
async fn one_server_keeps_house(world: World) {
    let _host = world.host("web").await;
    let world = World { server: world.server.restart_with(SETTINGS).await, ..world };
    within_deadline("the first to keep house", world.server.fleet.until_it_keeps_house()).await;
    let first = started(&world.admin).await;
    world.server.advance(Duration::from_secs(20));
    ended(&world.admin, &first).await;
    let beside = world.server.beside().await;
    for server in [&world.server, &beside] {
        server.fleet.keep_lease().await.expect("the store answers");
    }
    assert!(world.server.fleet.keeps_house() && !beside.fleet.keeps_house());

    // From here on nobody renews anything; the calendar stands.
    let admin = Person { server: beside.address, ..world.admin.clone() };
    let second = started(&admin).await;
    let clock = world.server.clock.clone();
    world.server.die();
    for _ in 0..3 {
        beside.fleet.keep_lease().await.expect("the store answers");
        assert!(!beside.fleet.keeps_house(), "the lease of who died is not over");
    }
    assert_eq!(admin.campaign(&second).await["status"], "RUNNING");
    clock.advance(Duration::from_secs(20));
    within_deadline("the other to keep house", beside.fleet.until_it_keeps_house()).await;
    ended(&admin, &second).await;
    beside.stop().await;
}

/// A server that stops gives the lease back, so that the next one need not wait; nobody else can.
async fn who_stops_gives_it_back(world: World) {
    let beside = world.server.beside().await;
    let keeps = async |server: &TestServer| {
        server.fleet.keep_lease().await.expect("the store answers");
        server.fleet.keeps_house()
    };
    assert!(keeps(&world.server).await && !keeps(&beside).await);
    beside.fleet.release_lease().await.expect("the store answers");
    assert!(keeps(&world.server).await && !keeps(&beside).await);
    world.server.stop().await;
    assert!(keeps(&beside).await, "no time has passed");
    beside.stop().await;
}

/// The process that keeps house is killed; another one goes on once the lease is over, and its metrics show it.
#[test]
fn a_killed_server_is_replaced() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        block_on(async {
            let directory = tempfile::tempdir().expect("the system's temporary directory can be written");
            let lease = ("MUSTER_TASKS_LEASE", "2s".to_owned());
            let file = format!("sqlite://{}?mode=rwc", directory.path().join("muster.db").display());
            let shared = |url: String| vec![lease.clone(), ("MUSTER_DATABASE_URL", url)];
            let environment =
                if backend == Backend::Sqlite { shared(file.clone()) } else { vec![lease.clone()] };
            let mut first = match Process::start_with(backend, environment).await {
                Ok(process) => process,
                Err(missing) => {
                    return not_run(&format!("a_killed_server_is_replaced::{backend:?}"), &missing);
                }
            };
            until_shown(first.address, "muster_keeps_house 1").await;
            let environment = shared(first.database_url().unwrap_or(file));
            let second = Process::start_with(Backend::Sqlite, environment).await.expect("it starts beside");
            until_shown(second.address, "muster_task_runs_total{task=\"lease\",ended=\"done\"}").await;
            until_shown(second.address, "muster_keeps_house 0").await;
            first.kill();
            until_shown(second.address, "muster_keeps_house 1").await;
            until_shown(second.address, "muster_task_runs_total{task=\"expiry\",ended=\"done\"}").await;
            second.remove().await;
            first.restart();
            first.remove().await;
        });
    }
}

/// Waits until a server's metrics have a line that begins like this.
async fn until_shown(server: SocketAddr, line: &str) {
    let shown = async {
        loop {
            let metrics = Person::anonymous(server).get("/metrics", vec![]).await;
            if String::from_utf8_lossy(&metrics.body).lines().any(|shown| shown.starts_with(line)) {
                return;
            }
        }
    };
    within_deadline(line, shown).await;
}

/// Events go when their time is over, those of ended campaigns alone; what led to them says so, and counters stay.
async fn s44_cursors_of_events_that_are_gone(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start("select name").await;
    host.poll().await.expect("an answer");
    let events = world.admin.events(&id, None, 100).await;
    let _other = world.host("other").await;
    let input = json!({ "source": { "sql": "select 1" }, "targets": { "allHosts": true }, "expiresInSeconds": 2_592_000 });
    let running =
        world.admin.mutate("startCampaign", "campaign { id }", input).await["campaign"]["id"].clone();
    host.poll().await.expect("an answer");
    let mut admin = world.admin.clone();
    for (days, is_gone) in [(29, false), (2, true)] {
        world.server.advance(Duration::from_hours(days * 24));
        world.server.tick().await;
        admin.sign_in().await;
        let query = "query($id: ID!, $after: String) { node(id: $id) { ... on Campaign {
            eventsPurgedAt totals { succeeded } events(after: $after) { nodes { cursor } } } } }";
        for after in [Value::Null, events[0]["cursor"].clone()] {
            let seen = admin.gql(query, json!({ "id": id, "after": after })).await;
            let code = seen["errors"][0]["extensions"]["code"].as_str();
            assert_eq!(code, is_gone.then_some("CURSOR_EXPIRED"), "{seen}");
        }
        let target = format!("/campaigns/{id}/answers.ndjson");
        let export = admin.get(&target, vec![]).await;
        assert_eq!(export.status, if is_gone { 410 } else { 200 });
    }
    assert_eq!(admin.campaign(&id).await["totals"]["succeeded"], 1);
    let db = connect(&world.server.database_url()).await;
    let left = campaign_events::Entity::find().all(&db).await.expect("the store answers");
    db.close().await.expect("a connection closes");
    let of: BTreeSet<_> = left.iter().map(|event| event.campaign_id).collect();
    assert_eq!(of.len(), 1, "those of the campaign that ended only now");
    assert!(running.is_string());
}

/// Starts a campaign that nobody answers, for ten seconds.
async fn started(admin: &Person) -> String {
    let input =
        json!({ "source": { "sql": "select 1" }, "targets": { "allHosts": true }, "expiresInSeconds": 10 });
    let payload = admin.mutate("startCampaign", "campaign { id }", input).await;
    payload["campaign"]["id"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
}

/// Waits until a campaign has expired.
async fn ended(admin: &Person, id: &str) {
    let mut viewing = admin.follow(id, None).await;
    let last = within_deadline("the end", async {
        while viewing.batch().await {}
        viewing.last["status"].clone()
    });
    assert_eq!(last.await, Value::from("EXPIRED"));
}
