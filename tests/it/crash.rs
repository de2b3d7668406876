//! The real program, killed with kill -9 in the middle of a campaign and started again on the same data.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::Process;
use crate::harness::campaign::rows_by_host;
use crate::harness::personas::Person;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::server::Backend;
use crate::harness::services::not_run;
use crate::harness::{block_on, within_deadline};

/// Hosts of a campaign.
const HOSTS: usize = 40;

/// Kills in a campaign.
const KILLS: usize = 3;

#[test]
fn f01_killed_in_a_campaign_sqlite() {
    killed_in_a_campaign(Backend::Sqlite);
}

#[test]
fn f01_killed_in_a_campaign_postgres() {
    killed_in_a_campaign(Backend::Postgres);
}

/// Every acknowledged answer is there once, the campaign ends, no host enrolls again, and a viewer who was cut off
/// each time has seen everything once.
fn killed_in_a_campaign(backend: Backend) {
    block_on(async {
        for seed in seeds() {
            let mut dice = Dice::of(seed);
            match Process::start(backend).await {
                Ok(process) => Campaign::begin(process).await.survive(&mut dice).await,
                Err(missing) => not_run("crash::f01_killed_in_a_campaign_postgres", &missing),
            }
        }
    });
}

/// A campaign, its hosts and its viewer.
struct Campaign {
    process: Process,
    admin: Person,
    hosts: Vec<Agent>,
    id: String,
    seen: Vec<Value>,
    cursor: Option<String>,
}

impl Campaign {
    async fn begin(process: Process) -> Self {
        let admin = process.admin().await;
        let secret = process.command(&["enroll", "secret"], "");
        let mut hosts = Vec::new();
        for number in 0..HOSTS {
            let name = format!("host-{number}");
            let identity = Identity::linux(&name);
            let answering = Arc::new(move |_: &str| AgentAnswer::one("name", &name));
            let mut host = Agent::new(process.address, &secret, identity, answering);
            assert!(host.enroll().await, "the secret lets it in");
            host.poll().await.expect("a check-in");
            hosts.push(host);
        }
        let id = admin.start("select name from system_info").await;
        Self { process, admin, hosts, id, seen: Vec::new(), cursor: None }
    }

    async fn survive(mut self, dice: &mut Dice) {
        for _ in 0..KILLS {
            let acknowledged = 1 + dice.below(HOSTS / KILLS - 1);
            self.answer_until_killed(acknowledged).await;
            self.process.restart();
        }
        for host in &mut self.hosts {
            host.poll().await.expect("the server is back");
        }
        let rest = self.admin.follow(&self.id, self.cursor.as_deref()).await.to_the_end().await;
        self.seen.extend(rest);
        self.check().await;
    }

    /// Hosts answer at the same time and a viewer watches; after so many acknowledgements the server is killed, with
    /// the others under way.
    async fn answer_until_killed(&mut self, acknowledgements: usize) {
        let mut viewing = self.admin.follow(&self.id, self.cursor.as_deref()).await;
        assert!(viewing.batch().await, "the first batch comes at once");
        let mut polls = JoinSet::new();
        for mut host in self.hosts.drain(..) {
            polls.spawn(async move {
                let acknowledged = host.poll().await.is_ok();
                (host, acknowledged)
            });
        }
        let mut count = 0;
        while let Some(poll) = within_deadline("hosts to answer", polls.join_next()).await {
            let (host, acknowledged) = poll.expect("the agent lives");
            let is_new = acknowledged && !host.ledger.accepted.is_empty();
            self.hosts.push(host);
            count += usize::from(is_new);
            if count == acknowledgements {
                self.process.kill();
                count += HOSTS;
            }
        }
        if count < HOSTS {
            self.process.kill();
        }
        self.cursor = Some(viewing.cursor());
        self.seen.append(&mut viewing.events);
    }

    async fn check(self) {
        let campaign = self.admin.campaign(&self.id).await;
        assert_eq!(campaign["status"], "COMPLETED", "{campaign}");
        assert_eq!(campaign["totals"]["succeeded"], HOSTS);
        let uncut = self.admin.events(&self.id, None, 100).await;
        assert_eq!(self.seen, uncut, "what was seen in pieces is the whole");
        let names: BTreeSet<String> = self.hosts.iter().map(|host| host.identity.hostname.clone()).collect();
        assert_eq!(rows_by_host(&uncut).into_keys().collect::<BTreeSet<_>>(), names);
        assert_eq!(uncut.len(), HOSTS + 1, "each answer once, and the end");
        for host in &self.hosts {
            assert_eq!(host.ledger.enrollments, 1, "{} enrolled again", host.identity.hostname);
            assert_eq!(host.ledger.accepted.len(), 1);
            assert_eq!(host.unsent(), 0);
        }
        self.process.remove().await;
    }
}
