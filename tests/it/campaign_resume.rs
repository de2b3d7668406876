//! A stream that is cut anywhere and resumed by cursor, here or elsewhere, is the uncut stream.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

on_both!(random_cuts, any_server, restart, latest_cursor);

/// Twenty cuts and more at random events while the answers come in: each event once, in order.
async fn random_cuts(world: World) {
    for seed in seeds() {
        let mut dice = Dice::of(seed);
        let hosts = chatty_hosts(&world, 25, seed).await;
        let id = start(&world, seed).await;
        let answering = tokio::spawn(answer_all(hosts));
        let seen = watch_with_cuts(std::slice::from_ref(&world.admin), &id, &mut dice).await;
        answering.await.expect("hosts answer");
        assert_eq!(seen, world.admin.events(&id, None, 100).await);
        Stored::read(&world.server, &id).await.assert_laws();
    }
}

/// The cursor of one server is good on another, on the same database.
async fn any_server(world: World) {
    let world = world.with_running_tasks().await;
    let other = world.server.beside().await;
    let mut elsewhere = world.admin.clone();
    elsewhere.server = other.address;
    for seed in seeds() {
        let mut dice = Dice::of(seed);
        let mut hosts = chatty_hosts(&world, 12, seed).await;
        for host in hosts.iter_mut().step_by(2) {
            host.server = other.address;
        }
        let id = start(&world, seed).await;
        other.fleet.catch_up().await.expect("the store answers");
        let answering = tokio::spawn(answer_all(hosts));
        let seen = watch_with_cuts(&[world.admin.clone(), elsewhere.clone()], &id, &mut dice).await;
        answering.await.expect("hosts answer");
        assert_eq!(seen, world.admin.events(&id, None, 100).await);
        Stored::read(&world.server, &id).await.assert_laws();
    }
}

/// A viewer who was cut off resumes after a restart of the server.
async fn restart(world: World) {
    let hosts = chatty_hosts(&world, 6, 1).await;
    let id = world.admin.start("select n").await;
    let mut viewing = world.admin.follow_in_batches(&id, None, 1).await;
    let (early, late) = {
        let mut early = hosts;
        let late = early.split_off(3);
        (early, late)
    };
    answer_all(early).await;
    viewing.until_events(3).await;
    let (mut seen, cursor) = (viewing.events.clone(), viewing.cursor());
    let world = world.restart().await;
    answer_all(late).await;
    seen.extend(world.admin.follow(&id, Some(&cursor)).await.to_the_end().await);
    assert_eq!(seen, world.admin.events(&id, None, 100).await);
}

/// From the newest cursor only what follows is shown.
async fn latest_cursor(world: World) {
    let mut hosts = world.hosts(2).await;
    let id = world.admin.start("select name").await;
    hosts[0].poll().await.expect("an answer");
    let latest = world.admin.campaign(&id).await["latestCursor"].clone();
    let viewing = world.admin.follow(&id, latest.as_str()).await;
    hosts[1].poll().await.expect("an answer");
    let events = viewing.to_the_end().await;
    assert_eq!(events.len(), 2, "the second answer and the end");
    assert_eq!(events[0]["hostname"], "host-1");
}

/// Hosts whose answers have one to three chunks, and some that fail.
async fn chatty_hosts(world: &World, count: usize, seed: u64) -> Vec<Agent> {
    let mut hosts = Vec::new();
    for number in 0..count {
        let answering = Arc::new(move |_: &str| match number % 4 {
            3 => AgentAnswer::failure("no such table: x"),
            size => AgentAnswer::rows((0..size * 1_200).map(|n| [("n", n.to_string())])),
        });
        hosts.push(world.host_with(&format!("host-{seed}-{number}"), &world.secret, answering).await);
    }
    hosts
}

/// A campaign over the hosts of this seed.
async fn start(world: &World, seed: u64) -> String {
    let targets = json!({ "filter": { "search": format!("host-{seed}-") } });
    world.admin.start_on("select n", targets).await
}

/// Every host checks in once; all of them at the same time.
async fn answer_all(hosts: Vec<Agent>) {
    let polls =
        hosts.into_iter().map(|mut host| async move { host.poll().await.expect("the answer is taken") });
    futures_util::future::join_all(polls).await;
}

/// Watches to the end through sockets that are cut after a few batches, sometimes with part of a batch unread, each
/// time as one of these viewers.
async fn watch_with_cuts(viewers: &[Person], id: &str, dice: &mut Dice) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    let mut cursor = None;
    loop {
        let viewer = dice.one_of(viewers);
        let most = 1 + u32::try_from(dice.below(3)).expect("it is small");
        let mut viewing = viewer.follow_in_batches(id, cursor.as_deref(), most).await;
        for _ in 0..=dice.below(3) {
            if !viewing.batch().await {
                seen.extend(viewing.events);
                return seen;
            }
        }
        cursor = Some(viewing.cursor());
        let mut events = viewing.events;
        if dice.once_in(2) && !events.is_empty() {
            events.truncate(1 + dice.below(events.len()));
            cursor = events.last().and_then(|event| event["cursor"].as_str()).map(str::to_owned);
        }
        seen.extend(events);
    }
}
