//! Random histories of two servers, their hosts and viewers: faults, stops, restarts, crashes, lost notices, commits
//! that come late. What must hold of every one of them.
//!
//! The agents are the oracle: what they know as acknowledged is stored; what is stored, some agent sent. Half of them
//! speak to each server. On SQLite the two servers share no bus, so every notice between them is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer, Fault};
use crate::harness::campaign::{assert_totals_equal_events, rows_by_host};
use crate::harness::seeds::{Dice, seeds_up_to};
use crate::harness::server::TestServer;
use crate::harness::services::postgres::connect;
use crate::harness::stored::Stored;
use crate::harness::world::{World, on_both};

/// Hosts of a history.
const HOSTS: usize = 8;

/// Steps of a history.
const STEPS: usize = 120;

on_both!(random_histories);

/// Acknowledged ⊆ stored; one answer of a host in a campaign; positions without holes; totals equal events; a
/// campaign ends once; what is seen piece by piece, here and there, is the whole; nobody enrolls again.
async fn random_histories(world: World) {
    let mut world = world;
    for seed in seeds_up_to(1_000) {
        let mut history = History::begin(&world, seed).await;
        for _ in 0..STEPS {
            world = history.step(world).await;
        }
        history.check(&world).await;
    }
}

/// A history under way.
struct History {
    dice: Dice,
    hosts: Vec<Agent>,
    /// Campaigns by SQL, which is different for each.
    campaigns: BTreeMap<String, String>,
    /// What was seen of each campaign so far.
    seen: BTreeMap<String, Seen>,
    /// The second server; the first is the world's.
    other: Option<TestServer>,
    seed: u64,
}

/// What was seen of a campaign, piece by piece.
#[derive(Default)]
struct Seen {
    events: Vec<Value>,
    cursor: Option<String>,
}

impl History {
    async fn begin(world: &World, seed: u64) -> Self {
        let mut hosts = Vec::new();
        for number in 0..HOSTS {
            let name = format!("host-{seed}-{number}");
            let answer = name.clone();
            let answering = Arc::new(move |sql: &str| match sql.len() % 5 {
                4 => AgentAnswer::failure("no such table: x"),
                rows => {
                    AgentAnswer::rows((0..rows).map(|n| [("host", answer.clone()), ("n", n.to_string())]))
                }
            });
            hosts.push(world.host_with(&name, &world.secret, answering).await);
        }
        let other = world.server.beside().await;
        for host in &mut hosts[HOSTS / 2..] {
            host.server = other.address;
        }
        let (dice, other) = (Dice::of(seed), Some(other));
        Self { dice, hosts, campaigns: BTreeMap::new(), seen: BTreeMap::new(), other, seed }
    }

    /// Something happens.
    async fn step(&mut self, mut world: World) -> World {
        let host = self.dice.below(HOSTS);
        match self.dice.below(25) {
            0..3 => self.start(&world).await,
            3..7 => ignore(self.hosts[host].read().await),
            7..11 => ignore(self.hosts[host].write().await),
            11..16 => self.faulty_turn(host).await,
            16 => self.stop(&world).await,
            17 => self.resend(host),
            18 => {
                world.server.advance(Duration::from_secs(self.dice.below(40) as u64));
                world.server.tick().await;
                world.admin.sign_in().await;
            }
            19 => self.other().tick().await,
            20..22 => self.watch(&world).await,
            22 => self.held_up(&world).await,
            _ => return self.end_a_server(world).await,
        }
        world
    }

    fn other(&self) -> &TestServer {
        self.other.as_ref().expect("there is always one")
    }

    /// Perhaps a server is stopped, or crashes, and comes again.
    async fn end_a_server(&mut self, world: World) -> World {
        match self.dice.below(8) {
            0 => return world.restart().await,
            1 => return world.crash().await,
            2 => {
                let other = self.other.take().expect("there is always one");
                self.other = Some(other.crash().await);
            }
            _ => {}
        }
        world
    }

    /// Somebody looks at a campaign, on either server, after what was seen of it, and goes again.
    async fn watch(&mut self, world: &World) {
        let ids: Vec<_> = self.campaigns.values().cloned().collect();
        if ids.is_empty() {
            return;
        }
        let mut viewer = world.admin.clone();
        if self.dice.once_in(2) {
            viewer.server = self.other().address;
        }
        let id = self.dice.one_of(&ids).clone();
        let most = 1 + u32::try_from(self.dice.below(3)).expect("it is small");
        let seen = self.seen.entry(id.clone()).or_default();
        let mut viewing = viewer.follow_in_batches(&id, seen.cursor.as_deref(), most).await;
        if viewing.batch().await {
            seen.cursor = Some(viewing.cursor());
            seen.events.append(&mut viewing.events);
        }
    }

    /// Hosts of both servers write while somebody else holds the table of events, for a moment: they commit late.
    async fn held_up(&mut self, world: &World) {
        let db = connect(&world.server.database_url()).await;
        let hold = match world.server.postgres() {
            Some(_) => "BEGIN; LOCK TABLE campaign_events IN SHARE ROW EXCLUSIVE MODE",
            None => "BEGIN IMMEDIATE",
        };
        db.execute_unprepared(hold).await.expect("it gets its turn");
        let (here, there) = self.hosts.split_at_mut(HOSTS / 2);
        let (one, other) = (self.dice.below(here.len()), self.dice.below(there.len()));
        let mut looks = self.dice.below(500);
        let release = async {
            while looks > 0 {
                looks -= 1;
                tokio::task::yield_now().await;
            }
            db.execute_unprepared("COMMIT").await.expect("it goes");
        };
        let (here, there, ()) = tokio::join!(here[one].write(), there[other].write(), release);
        ignore(here.and(there));
        db.close().await.expect("it closes");
    }

    async fn start(&mut self, world: &World) {
        let padding = "x".repeat(self.dice.below(5));
        let sql = format!("select '{}-{}{padding}'", self.seed, self.campaigns.len());
        let seconds = 30 + self.dice.below(600);
        let prefix = format!("host-{}-", self.seed);
        let input = json!({
            "source": { "sql": sql }, "targets": { "filter": { "search": prefix } }, "expiresInSeconds": seconds,
        });
        let started = world.admin.mutate("startCampaign", "campaign { id }", input).await;
        let id = started["campaign"]["id"].as_str().unwrap_or_else(|| panic!("it starts: {started}"));
        self.campaigns.insert(sql, id.to_owned());
    }

    /// A turn in which requests are cut and answers lost.
    async fn faulty_turn(&mut self, host: usize) {
        let faults = [Fault::None, Fault::LoseReply, Fault::CutUpload];
        let faults: Vec<Fault> = (0..6).map(|_| *self.dice.one_of(&faults)).collect();
        self.hosts[host].faults.extend(faults);
        ignore(self.hosts[host].poll().await);
        self.hosts[host].faults.clear();
    }

    async fn stop(&mut self, world: &World) {
        let ids: Vec<_> = self.campaigns.values().cloned().collect();
        if !ids.is_empty() && self.dice.once_in(2) {
            let id = self.dice.one_of(&ids).clone();
            world.admin.stop(&id).await;
        }
    }

    /// A host has an old result once more, as after a lost acknowledgement.
    fn resend(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        if let Some((id, answers)) = host.ledger.sent.iter().next() {
            let (id, answer) = (id.clone(), answers[0].clone());
            host.remember(&id, answer);
        }
    }

    async fn check(&mut self, world: &World) {
        for host in &self.hosts {
            assert_eq!(
                host.ledger.enrollments, 1,
                "{} was never told to enroll again",
                host.identity.hostname
            );
        }
        for (sql, id) in &self.campaigns {
            let stored = Stored::read(&world.server, id).await;
            stored.assert_laws();
            let events = world.admin.events(id, None, 100).await;
            assert_totals_equal_events(&world.admin.campaign(id).await["totals"], &events);
            self.assert_against_ledgers(sql, &stored, &events);
            let mut seen = self.seen.remove(id).unwrap_or_default();
            seen.events.extend(world.admin.events(id, seen.cursor, 100).await);
            assert_eq!(seen.events, events, "what was seen in pieces is the whole");
        }
        self.other.take().expect("there is always one").stop().await;
    }

    fn assert_against_ledgers(&self, sql: &str, stored: &Stored, events: &[Value]) {
        let answered: BTreeSet<&str> = stored.answered().into_iter().collect();
        assert_eq!(answered.len(), stored.answers.len(), "one answer of a host");
        let rows = rows_by_host(events);
        for host in &self.hosts {
            let name = host.identity.hostname.as_str();
            let asked = host.ledger.asked.iter().find(|(_, text)| text == sql);
            let sent = asked.and_then(|(id, _)| host.ledger.sent.get(id));
            if answered.contains(name) {
                let sent = sent.unwrap_or_else(|| panic!("{name} never sent what is stored for {sql}"));
                if let Some(rows) = rows.get(name) {
                    assert!(sent.iter().any(|answer| answer.shown() == *rows), "{name} sent what is stored");
                }
            } else if host.ledger.accepted_sql().contains(sql) {
                let ended = stored.campaign.ended_at.is_some();
                assert!(ended, "{name} was thanked for {sql} while it was running, and it is not stored");
            }
        }
    }
}

/// A turn that fails is part of the history: the agent keeps what it has.
fn ignore(_: Result<(), String>) {}
