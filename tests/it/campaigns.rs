//! Live queries, from their start to their end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::harness::agent::{AgentAnswer, Fault};
use crate::harness::campaign::{assert_totals_equal_events, failures, rows_by_host};
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

const SQL: &str = "select name from system_info";

on_both!(
    answers_reach_the_viewer,
    late_viewers_see_the_same,
    stop,
    stop_is_seen,
    expiry,
    offline_hosts_answer_later,
    lost_acknowledgements,
    withdrawal,
    late_hosts_are_no_targets,
    idempotent_start
);

/// Hosts are asked, their rows reach a viewer, and with the last answer the campaign is complete.
async fn answers_reach_the_viewer(world: World) {
    let mut hosts = world.hosts(3).await;
    let id = world.admin.start(SQL).await;
    let mut viewing = world.admin.follow(&id, None).await;
    assert!(viewing.batch().await, "the first batch comes at once");
    assert_eq!(viewing.last["totals"]["targeted"], 3);
    assert_eq!(viewing.last["totals"]["outstanding"], 3);
    for host in &mut hosts {
        host.poll().await.expect("the server takes the answer");
        assert_eq!(host.ledger.asked.last().map(|(_, sql)| sql.as_str()), Some(SQL));
    }
    let events = viewing.to_the_end().await;
    let rows = rows_by_host(&events);
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["host-0", "host-1", "host-2"]);
    assert_eq!(rows["host-1"], [json!({ "name": "host-1" })]);
    let campaign = world.admin.campaign(&id).await;
    assert_eq!(campaign["status"], "COMPLETED");
    assert_totals_equal_events(&campaign["totals"], &events);
    Stored::read(&world.server, &id).await.assert_laws();
    hosts[0].poll().await.expect("a check-in");
    assert_eq!(hosts[0].ledger.asked.len(), 1, "nobody is asked again");
}

/// Who comes late sees exactly what others saw, by subscription and by pages of any size.
async fn late_viewers_see_the_same(world: World) {
    let mut hosts = world.hosts(4).await;
    hosts.push(
        world
            .host_with("broken", &world.secret, Arc::new(|_| AgentAnswer::failure("no such table: x")))
            .await,
    );
    let id = world.admin.start(SQL).await;
    let first = world.admin.follow(&id, None).await;
    for host in &mut hosts {
        host.poll().await.expect("the server takes the answer");
    }
    let events = first.to_the_end().await;
    assert_eq!(events.len(), 6, "five answers and the end");
    let late = world.admin.follow_in_batches(&id, None, 1).await.to_the_end().await;
    assert_eq!(late, events);
    for first in [1, 2, 100] {
        assert_eq!(world.admin.events(&id, None, first).await, events);
    }
    let world = world.restart().await;
    assert_eq!(world.admin.follow(&id, None).await.to_the_end().await, events);
}

/// A stopped campaign takes no more answers, and its end is its last event. Fault F17.
async fn stop(world: World) {
    let mut hosts = world.hosts(3).await;
    let id = world.admin.start(SQL).await;
    hosts[0].poll().await.expect("an answer in time");
    hosts[1].read().await.expect("a check-in");
    let stopped = world.admin.stop(&id).await;
    assert_eq!(stopped["campaign"]["status"], "STOPPED");
    assert_eq!(world.admin.stop(&id).await, stopped, "stopping again changes nothing");
    hosts[1].write().await.expect("a late answer is taken, and dropped");
    hosts[2].poll().await.expect("a check-in");
    assert_eq!(hosts[2].ledger.asked, [], "nobody is asked after the end");
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(rows_by_host(&events).keys().collect::<Vec<_>>(), ["host-0"]);
    let totals = world.admin.campaign(&id).await["totals"].clone();
    assert_eq!(totals["outstanding"], 2, "who never answered stays outstanding");
    assert_totals_equal_events(&totals, &events);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// A viewer who is watching sees the stop.
async fn stop_is_seen(world: World) {
    let _host = world.host("web").await;
    let id = world.admin.start(SQL).await;
    let mut viewing = world.admin.follow(&id, None).await;
    assert!(viewing.batch().await, "the first batch comes at once");
    world.admin.stop(&id).await;
    let events = viewing.to_the_end().await;
    assert_eq!(events.last().expect("the end")["endedAs"], "STOPPED");
}

/// At its expiry a campaign ends, and not before.
async fn expiry(world: World) {
    let mut host = world.host("late").await;
    let input = json!({ "source": { "sql": SQL }, "targets": { "allHosts": true }, "expiresInSeconds": 60 });
    let started = world.admin.mutate("startCampaign", "campaign { id }", input).await;
    let id = started["campaign"]["id"].as_str().expect("it starts").to_owned();
    let viewing = world.admin.follow(&id, None).await;
    world.server.advance(Duration::from_secs(59));
    world.server.tick().await;
    assert_eq!(world.admin.campaign(&id).await["status"], "RUNNING");
    host.read().await.expect("a check-in");
    world.server.advance(Duration::from_secs(2));
    world.server.tick().await;
    let events = viewing.to_the_end().await;
    assert_eq!(events.last().expect("the end")["endedAs"], "EXPIRED");
    host.write().await.expect("a late answer is taken, and dropped");
    assert_eq!(world.admin.campaign(&id).await["totals"]["outstanding"], 1);
    Stored::read(&world.server, &id).await.assert_laws();
}

/// A host that was away answers when it comes back, also when the server restarted meanwhile.
async fn offline_hosts_answer_later(world: World) {
    let mut hosts = world.hosts(2).await;
    let id = world.admin.start(SQL).await;
    hosts[0].poll().await.expect("an answer");
    let world = world.restart().await;
    let viewing = world.admin.follow(&id, None).await;
    hosts[1].poll().await.expect("an answer after the restart");
    let events = viewing.to_the_end().await;
    assert_eq!(rows_by_host(&events).len(), 2);
    for host in &hosts {
        assert_eq!(host.ledger.enrollments, 1, "no host has to enroll again");
    }
    Stored::read(&world.server, &id).await.assert_laws();
}

/// An answer whose acknowledgement was lost comes again, and is stored once. Fault F16.
async fn lost_acknowledgements(world: World) {
    let mut host = world.host("web").await;
    let id = world.admin.start(SQL).await;
    host.read().await.expect("a check-in");
    host.faults.extend([Fault::LoseReply, Fault::CutUpload, Fault::LoseReply, Fault::LoseReply]);
    host.write().await.expect("the third attempt comes through");
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    assert_eq!(rows_by_host(&events)["web"], [json!({ "name": "web" })]);
    let stored = Stored::read(&world.server, &id).await;
    assert_eq!(stored.answered(), ["web"]);
    stored.assert_laws();
}

/// A host that is moved or removed while it is awaited is withdrawn, and the campaign does not wait for it.
async fn withdrawal(world: World) {
    let team = world.team("berlin").await;
    let mut hosts = world.hosts(3).await;
    let id = world.admin.start(SQL).await;
    let listed = world
        .admin
        .ask("{ hosts(first: 10, sort: { field: HOSTNAME, direction: ASC }) { nodes { id } } }", json!({}))
        .await;
    let host_id = |index: usize| listed["hosts"]["nodes"][index]["id"].clone();
    let input = json!({ "hostIds": [host_id(1)], "teamId": team.public_id.0 });
    let moved = world.admin.mutate("transferHosts", "hosts { hostname team { name } }", input).await;
    assert_eq!(moved["hosts"], json!([{ "hostname": "host-1", "team": { "name": "berlin" } }]));
    let deleted =
        world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [host_id(2)] })).await;
    assert_eq!(deleted["deletedHostIds"], json!([host_id(2)]));
    hosts[1].poll().await.expect("a check-in");
    assert_eq!(hosts[1].ledger.asked, [], "a withdrawn host is not asked");
    hosts[0].poll().await.expect("an answer");
    let events = world.admin.follow(&id, None).await.to_the_end().await;
    let withdrawn = failures(&events);
    assert_eq!(
        withdrawn.into_iter().collect::<Vec<_>>(),
        [("host-1".to_owned(), "WITHDRAWN".to_owned()), ("host-2".to_owned(), "WITHDRAWN".to_owned()),]
    );
    assert_eq!(world.admin.campaign(&id).await["status"], "COMPLETED");
    Stored::read(&world.server, &id).await.assert_laws();
}

/// Hosts that enroll after the start are not asked.
async fn late_hosts_are_no_targets(world: World) {
    let mut early = world.host("early").await;
    let id = world.admin.start(SQL).await;
    let mut late = world.host("late").await;
    late.poll().await.expect("a check-in");
    assert_eq!(late.ledger.asked, []);
    early.poll().await.expect("an answer");
    assert_eq!(world.admin.campaign(&id).await["status"], "COMPLETED");
}

/// The same key starts one campaign, however often it is tried.
async fn idempotent_start(world: World) {
    let _host = world.host("web").await;
    let input = |sql: &str| {
        json!({
            "source": { "sql": sql }, "targets": { "allHosts": true }, "idempotencyKey": "once",
        })
    };
    let first = world.admin.mutate("startCampaign", "campaign { id }", input(SQL)).await;
    let again = world.admin.mutate("startCampaign", "campaign { id }", input(SQL)).await;
    assert_eq!(again, first);
    let other = world.admin.mutate("startCampaign", "campaign { id }", input("select 2")).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    let listed = world.admin.ask("{ campaigns { totalCount } }", json!({})).await;
    assert_eq!(listed["campaigns"]["totalCount"], 1);
}
