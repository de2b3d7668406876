//! What becomes of campaigns when Redis dies, hangs, forgets, or tells the half of it: two servers on one PostgreSQL,
//! agents on both, a viewer on each.

use std::sync::Arc;
use std::time::Duration;

use muster::fleet::Fleet;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::campaign::Viewing;
use crate::harness::personas::Person;
use crate::harness::redis_way::RedisWay;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::server::TestServer;
use crate::harness::services::{not_run, redis::Redis};
use crate::harness::stored::Stored;
use crate::harness::world::World;
use crate::harness::{block_on, within_deadline};

/// Hosts of a campaign, half of them on each server.
const HOSTS: usize = 24;

/// Tasks run by themselves, as they do in life.
const ALIVE: &[(&str, &str)] = &[("tasks.changes_interval", "1s"), ("tasks.expiry_interval", "1s")];

/// Tasks run by themselves, and so seldom that nothing is learned from them.
const DEAF: &[(&str, &str)] = &[("tasks.changes_interval", "1h"), ("tasks.expiry_interval", "1h")];

/// Redis dies in the middle of a campaign and comes back empty: no agent notices, no viewer misses anything.
#[test]
fn f07_killed_and_restarted() {
    on_two_servers("f07_killed_and_restarted", async |pair| {
        let mut campaign = pair.campaign("f07").await;
        campaign.answer(HOSTS / 3).await;
        pair.redis().stop();
        campaign.answer(HOSTS / 3).await;
        pair.become_degraded(&["bus"]).await;
        pair.redis().restart();
        pair.become_degraded(&[]).await;
        campaign.answer(HOSTS / 3).await;
        campaign.check(pair).await;
    });
}

/// Redis forgets everything: campaigns and sessions are not there but in the database.
#[test]
fn f08_emptied() {
    on_two_servers("f08_emptied", async |pair| {
        let mut campaign = pair.campaign("f08").await;
        campaign.answer(HOSTS / 2).await;
        pair.redis().ask::<()>(&["FLUSHALL"]).await;
        pair.viewers[1].ask("{ viewer { __typename } }", serde_json::json!({})).await;
        campaign.answer(HOSTS / 2).await;
        campaign.check(pair).await;
    });
}

/// Redis takes connections and says nothing: the breaker opens, check-ins cost what they cost before, viewers see all.
#[test]
fn f09_hangs() {
    on_two_servers("f09_hangs", async |pair| {
        let mut campaign = pair.campaign("f09").await;
        campaign.answer(HOSTS / 2).await;
        pair.redis().freeze();
        pair.become_degraded(&["bus"]).await;
        campaign.answer(HOSTS / 2).await;
        campaign.check(pair).await;
        let mut late = pair.campaign("f09-late").await;
        late.answer(HOSTS).await;
        late.check(pair).await;
        pair.redis().thaw();
        pair.become_degraded(&[]).await;
    });
}

/// Redis drops its subscribers again and again, as at their output limit: the gaps are filled, no viewer is told.
#[test]
fn f10_subscribers_dropped() {
    on_two_servers("f10_subscribers_dropped", async |pair| {
        let dropping = async {
            let mut every = tokio::time::interval(Duration::from_millis(200));
            loop {
                every.tick().await;
                pair.redis().ask::<i64>(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
            }
        };
        let campaigns = async {
            for round in 0..4 {
                let mut campaign = pair.campaign(&format!("f10-{round}")).await;
                campaign.answer(HOSTS).await;
                campaign.check(pair).await;
            }
        };
        tokio::select! {
            () = dropping => {}
            () = campaigns => {}
        }
    });
}

/// One server hears only some of what the other tells, some twice and some late: its viewers see what is stored, in
/// order, once.
#[test]
fn f11_scrambled() {
    for seed in seeds() {
        let mut dice = Dice::of(seed);
        with_a_way(
            "f11_scrambled",
            async |redis| RedisWay::that_scrambles(redis, dice.split()).await,
            async |pair, _| {
                for round in 0..3 {
                    let mut campaign = pair.campaign(&format!("f11-{round}")).await;
                    for _ in 0..HOSTS / 4 {
                        campaign.answer(4).await;
                    }
                    campaign.check(pair).await;
                }
            },
        );
    }
}

/// One server can't reach Redis, and both reach PostgreSQL: only that server is degraded, and it misses nothing.
#[test]
fn f31_partitioned() {
    with_a_way(
        "f31_partitioned",
        async |redis| RedisWay::to(redis).await,
        async |pair, way| {
            let mut campaign = pair.campaign("f31").await;
            campaign.answer(HOSTS / 3).await;
            way.close();
            degraded(&pair.other.fleet, &["bus"]).await;
            degraded(&pair.world.server.fleet, &[]).await;
            campaign.answer(HOSTS / 3).await;
            let mut during = pair.campaign("f31-during").await;
            during.answer(HOSTS).await;
            during.check(pair).await;
            way.reopen();
            degraded(&pair.other.fleet, &[]).await;
            campaign.answer(HOSTS / 3).await;
            campaign.check(pair).await;
        },
    );
}

/// A campaign that one server starts is asked by the other as soon as Redis has told it, though that one never looks
/// by itself; and without Redis once it looks.
#[test]
fn campaigns_of_the_other_server() {
    let law = async |redis: &Redis| RedisWay::to(redis).await;
    with_a_way("campaigns_of_the_other_server", law, async |pair, way| {
        let deaf = pair.world.server.beside_with(pair.world.server.clock.clone(), DEAF).await;
        let mut host = pair.world.host("web").await;
        host.server = deaf.address;
        host.poll().await.expect("a check-in");
        let asked = async |host: &mut Agent, sql: &str| {
            pair.world.admin.start(sql).await;
            let asks = async {
                while !host.ledger.asked.iter().any(|(_, text)| text == sql) {
                    host.read().await.expect("it is answered from memory");
                }
            };
            within_deadline("the host to be asked", asks).await;
        };
        asked(&mut host, "select 'told'").await;
        way.close();
        degraded(&pair.other.fleet, &["bus"]).await;
        host.server = pair.other.address;
        asked(&mut host, "select 'seen'").await;
        deaf.stop().await;
    });
}

/// Answers too large for a message are read from Redis by the other server, at no statement; replays begin there too.
/// Two members at one position are believed neither.
#[test]
fn recent_events_spare_the_store() {
    on_two_servers("recent_events_spare_the_store", async |pair| {
        let deaf = pair.world.server.beside_with(pair.world.server.clock.clone(), DEAF).await;
        let answering = Arc::new(|_: &str| AgentAnswer::rows((0..300).map(|n| [("n", format!("{n:0>64}"))])));
        let mut hosts = Vec::new();
        for number in 0..6 {
            let name = format!("large-{number}");
            let mut host = pair.world.host_with(&name, &pair.world.secret, answering.clone()).await;
            host.config().await.expect("its key is used: the other servers have nothing to look at any more");
            hosts.push(host);
        }
        let id = pair.world.admin.start("select n").await;
        let viewer = Person { server: deaf.address, ..pair.world.admin.clone() };
        let mut watching = viewer.follow(&id, None).await;
        watching.batch().await;
        let mut fewest = u64::MAX;
        for (before, host) in hosts.iter_mut().take(5).enumerate() {
            // A message about something else may make that server look at any time.
            let statements = deaf.fleet.statements();
            host.poll().await.expect("the answer is taken");
            watching.until_events(before + 1).await;
            fewest = fewest.min(deaf.fleet.statements() - statements);
        }
        assert_eq!(fewest, 0, "the other server needs no statement for what Redis keeps");
        // On a server that had no viewer, nothing is in memory.
        let elsewhere = &pair.viewers[1];
        let before = reads(pair.redis()).await;
        let mut again = elsewhere.follow(&id, None).await;
        again.until_events(5).await;
        // On a loaded machine the breaker may be open for a moment.
        while reads(pair.redis()).await == before {
            drop(again);
            again = elsewhere.follow(&id, None).await;
            again.until_events(5).await;
        }
        assert_eq!(again.events, watching.events, "a replay asks Redis first");
        plant(pair.redis(), 3).await;
        let mut doubled = elsewhere.follow(&id, None).await;
        doubled.until_events(5).await;
        assert_eq!(doubled.events, watching.events, "a double is read from the store");
        hosts[5].poll().await.expect("the answer is taken");
        let (watched, replayed) = (watching.to_the_end().await, again.to_the_end().await);
        assert_eq!(watched, replayed);
        assert_eq!(doubled.to_the_end().await, watched);
        deaf.stop().await;
    });
}

/// How often entries were read from Redis.
async fn reads(redis: &Redis) -> u64 {
    let stats: String = redis.ask(&["INFO", "commandstats"]).await;
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_zrangebyscore:calls="));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or_default()
}

/// Adds another member to each sorted set, at this position.
async fn plant(redis: &Redis, position: i64) {
    let keys: Vec<String> = redis.ask(&["KEYS", "*:recent:*"]).await;
    let member = String::from_utf8([&position.to_be_bytes()[..], b"something else"].concat());
    let member = member.expect("the position is small");
    for key in keys.iter().filter(|key| !key.ends_with(":bytes")) {
        redis.ask::<i64>(&["ZADD", key, &position.to_string(), &member]).await;
    }
}

/// Two servers, and a person on each.
struct Pair {
    world: World,
    other: TestServer,
    viewers: [Person; 2],
}

impl Pair {
    async fn on(server: TestServer, own: &[(&'static str, &str)]) -> Self {
        let world = World::on(server).await;
        let other = world.server.beside_with(world.server.clock.clone(), own).await;
        let elsewhere = Person { server: other.address, ..world.admin.clone() };
        let viewers = [world.admin.clone(), elsewhere];
        Self { world, other, viewers }
    }

    fn redis(&self) -> &Redis {
        self.world.server.private_redis().expect("it is private")
    }

    /// A campaign over hosts on both servers, watched on both.
    async fn campaign(&self, name: &str) -> Campaign {
        let mut hosts = Vec::new();
        for number in 0..HOSTS {
            // Some answers are larger than a message between servers may be.
            let rows = if number % 3 == 0 { 200 } else { 1 };
            let answering = Arc::new(move |_: &str| {
                AgentAnswer::rows((0..rows).map(move |n| [("n", format!("{number}-{n:0>64}"))]))
            });
            let mut host =
                self.world.host_with(&format!("{name}-{number}"), &self.world.secret, answering).await;
            host.server = [self.world.server.address, self.other.address][number % 2];
            host.config().await.expect("its key is good on each server");
            hosts.push(host);
        }
        let targets = serde_json::json!({ "filter": { "search": format!("{name}-") } });
        let id = self.world.admin.start_on("select n", targets).await;
        let mut watching = Vec::new();
        for viewer in &self.viewers {
            let mut viewing = viewer.follow_in_batches(&id, None, 3).await;
            assert!(viewing.batch().await, "the first batch comes at once");
            watching.push(viewing);
        }
        Campaign { id, waiting: hosts, answered: Vec::new(), watching }
    }

    /// Waits until both servers lack these parts and no others.
    async fn become_degraded(&self, parts: &[&str]) {
        degraded(&self.world.server.fleet, parts).await;
        degraded(&self.other.fleet, parts).await;
    }
}

async fn degraded(fleet: &Fleet, parts: &[&str]) {
    let turned = Box::pin(async { while fleet.degraded().await != parts {} });
    within_deadline(&format!("{parts:?} to be degraded"), turned).await;
}

/// A campaign under way.
struct Campaign {
    id: String,
    waiting: Vec<Agent>,
    answered: Vec<Agent>,
    watching: Vec<Viewing>,
}

impl Campaign {
    /// So many hosts answer, all at the same time. Every one is asked, though it may have to come again until its
    /// server knows of the campaign; nothing that it sends fails.
    async fn answer(&mut self, count: usize) {
        let mut answering = JoinSet::new();
        for mut host in self.waiting.drain(..count) {
            answering.spawn(async move {
                while host.ledger.accepted.is_empty() {
                    host.poll().await.expect("no agent notices anything");
                }
                host
            });
        }
        self.answered.extend(within_deadline("hosts to answer", answering.join_all()).await);
    }

    /// Each viewer saw everything once and in order, each answer is stored once, nobody enrolled again.
    async fn check(self, pair: &Pair) {
        assert!(self.waiting.is_empty(), "everybody has answered");
        let stored = Stored::read(&pair.world.server, &self.id).await;
        stored.assert_laws();
        assert_eq!(stored.answers.len(), HOSTS);
        let events: Vec<Value> = pair.world.admin.events(&self.id, None, 100).await;
        assert_eq!(events.len(), HOSTS + 1, "an event a host, and the end");
        for viewing in self.watching {
            assert_eq!(viewing.to_the_end().await, events, "what was watched is what is stored");
        }
        for host in &self.answered {
            assert_eq!(host.ledger.enrollments, 1, "{} enrolled again", host.identity.hostname);
        }
    }
}

/// Runs a law on two servers with one private Redis; where something is missing, says so.
fn on_two_servers(test: &str, law: impl AsyncFnOnce(&Pair)) {
    block_on(async {
        match TestServer::start_with_private_redis(ALIVE).await {
            Ok(server) => {
                let leftovers = server.leftovers();
                law(&Pair::on(server, &[]).await).await;
                leftovers.remove().await;
            }
            Err(missing) => not_run(&format!("faults_redis::{test}"), &missing),
        }
    });
}

/// As [`on_two_servers`]; the second server has a way of its own to Redis.
fn with_a_way(
    test: &str,
    way: impl AsyncFnOnce(&Redis) -> RedisWay,
    law: impl AsyncFnOnce(&Pair, &RedisWay),
) {
    block_on(async {
        match TestServer::start_with_private_redis(ALIVE).await {
            Ok(server) => {
                let leftovers = server.leftovers();
                let way = way(server.private_redis().expect("it is private")).await;
                law(&Pair::on(server, &[("redis.url", &way.url)]).await, &way).await;
                leftovers.remove().await;
            }
            Err(missing) => not_run(&format!("faults_redis::{test}"), &missing),
        }
    });
}
