//! What becomes of viewers who leave, come back elsewhere, and meet servers whose clocks disagree.

use std::sync::Arc;
use std::time::Duration;

use muster::clock::{Clock, FixedClock, Timestamp};
use serde_json::{Value, json};

use crate::harness::agent::AgentAnswer;
use crate::harness::campaign::rows_by_host;
use crate::harness::personas::Person;
use crate::harness::seeds::{Dice, is_long, seeds};
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

/// Hosts of a campaign that is resumed again and again.
const HOSTS: usize = 20;

on_both!(f13_resumed_elsewhere, f14_nobody_watches, f18_clocks_apart);

/// A viewer is cut off after any event and comes to another server with its cursor: exactly what is missing comes.
async fn f13_resumed_elsewhere(world: World) {
    let other = world.server.beside().await;
    let elsewhere = Person { server: other.address, ..world.admin.clone() };
    let id = answered_campaign(&world).await;
    let events = world.admin.events(&id, None, 100).await;
    assert_eq!(events.len(), HOSTS + 2, "the large answer is two events");
    let rounds = if is_long() { 2_000 } else { 200 };
    for seed in seeds().take(1) {
        let mut dice = Dice::of(seed);
        for _ in 0..rounds {
            let seen = 1 + dice.below(events.len());
            let cursor = events[seen - 1]["cursor"].as_str().expect("every event has one");
            let most = 1 + u32::try_from(dice.below(20)).expect("it is small");
            let viewer = if dice.once_in(4) { &world.admin } else { &elsewhere };
            let rest = viewer.follow_in_batches(&id, Some(cursor), most).await.to_the_end().await;
            assert_eq!(rest, events[seen..], "after event {seen}");
        }
    }
    other.stop().await;
}

/// Everybody closes the browser: the campaign goes on, and its rows are there for who comes later.
async fn f14_nobody_watches(world: World) {
    let mut hosts = world.hosts(4).await;
    let id = world.admin.start("select name").await;
    let mut leaving = world.admin.follow(&id, None).await;
    assert!(leaving.batch().await, "the first batch comes at once");
    hosts[0].poll().await.expect("the answer is taken");
    leaving.until_events(1).await;
    drop(leaving);
    for host in &mut hosts[1..] {
        host.poll().await.expect("a campaign does not depend on its viewers");
    }
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(rows_by_host(&events).len(), 4);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// Servers whose clocks are five seconds apart, one of which jumps by an hour and back: sessions are good on both,
/// cursors too, and a host is online on both because it was heard of, whatever its own clock says.
async fn f18_clocks_apart(world: World) {
    let now = Clock::Fixed(world.server.clock.clone()).now();
    let late = FixedClock::at(Timestamp(now.0 - 5_000));
    let other = world.server.beside_with(late.clone(), &[]).await;
    let mut elsewhere = Person { server: other.address, ..world.admin.clone() };
    elsewhere.ask("{ viewer { __typename } }", json!({})).await;
    elsewhere.sign_in().await;
    Person { server: world.server.address, ..elsewhere.clone() }
        .ask("{ viewer { __typename } }", json!({}))
        .await;
    let answering = Arc::new(|_: &str| AgentAnswer::one("unix_time", "86400"));
    let mut host = world.host_with("skewed", &world.secret, answering).await;
    let mut second = world.host("second").await;
    let id = world.admin.start("select unix_time from time").await;
    host.server = other.address;
    other.fleet.catch_up().await.expect("the store answers");
    host.poll().await.expect("the answer is taken");
    for viewer in [&world.admin, &elsewhere] {
        assert_eq!(statuses(viewer).await["skewed"], "ONLINE");
    }
    let cursor = world.admin.campaign(&id).await["latestCursor"].clone();
    late.advance(Duration::from_hours(1));
    second.server = other.address;
    second.poll().await.expect("a campaign expires by the database's clock");
    let rest = world.admin.follow(&id, cursor.as_str()).await.to_the_end().await;
    assert_eq!(rest.len(), 2, "the second answer and the end");
    assert_eq!(rest[0]["hostname"], "second");
    let stored = Stored::read(&world.server, &id).await;
    stored.assert_laws();
    assert_eq!(stored.answers.len(), 2);
    other.stop().await;
}

/// Names of hosts, and how each is.
async fn statuses(viewer: &Person) -> Value {
    let hosts = viewer.ask("{ hosts(first: 10) { nodes { hostname status } } }", json!({})).await;
    let nodes = hosts["hosts"]["nodes"].as_array().expect("a list").clone();
    let status =
        |node: Value| (node["hostname"].as_str().unwrap_or_default().to_owned(), node["status"].clone());
    Value::Object(nodes.into_iter().map(status).collect())
}

/// A campaign that all hosts have answered, some with several events.
async fn answered_campaign(world: &World) -> String {
    let mut hosts = Vec::new();
    for number in 0..HOSTS {
        let rows = if number == 7 { 1_001 } else { 1 };
        let answering = Arc::new(move |_: &str| AgentAnswer::rows((0..rows).map(|n| [("n", n.to_string())])));
        hosts.push(world.host_with(&format!("host-{number}"), &world.secret, answering).await);
    }
    let id = world.admin.start("select n").await;
    for host in &mut hosts {
        host.poll().await.expect("the answer is taken");
    }
    id
}
