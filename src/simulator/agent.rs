//! The osquery agent of one simulated host.
//!
//! It enrolls, fetches its configuration, and then polls: read, run everything offered, write once. Answers are
//! kept until the server has accepted them, whatever happens in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::World;
use super::character::{self, Trouble};
use super::contract;
use super::draw::Draw;
use super::evaluator::Answer;
use super::host::Host;
use super::link::{Endpoint, Link};
use super::logs::Outbox;
use super::schedule::Schedule;
use super::stats::Count;
use super::wire::{self, Log};

/// How often the configuration is fetched.
const CONFIG_REFRESH: Duration = Duration::from_mins(1);

/// The interval of an accelerated agent.
const ACCELERATED: Duration = Duration::from_secs(5);

/// The agent of one host.
pub(super) struct Agent {
    world: Arc<World>,
    host: Arc<Host>,
    trouble: Trouble,
    link: Link,
    /// Decides about its own times, not about what it finds.
    draw: Draw,
    /// Answers that the server has not yet accepted, by query.
    pending: BTreeMap<String, Answer>,
    accelerated_until: Option<Instant>,
    next_config: Option<Instant>,
    next_log: Option<Instant>,
    logs: [Outbox; 2],
    /// Runs of the query that is logged at every log interval.
    runs: i64,
    /// What the server has it run by itself.
    schedule: Schedule,
}

impl Agent {
    /// The agent of host number `index`.
    pub(super) fn new(world: Arc<World>, index: usize) -> Self {
        let settings = &world.settings;
        let mut host = Host::new(settings.seed, index, character::versions(settings, index));
        host.check_in_interval_s = settings.check_in_interval.as_secs().max(1);
        let host = Arc::new(host);
        Self {
            trouble: character::trouble(settings, index),
            link: Link::new(Arc::clone(&world), Arc::clone(&host)),
            draw: host.draw("agent"),
            pending: BTreeMap::new(),
            accelerated_until: None,
            next_config: None,
            next_log: None,
            logs: [Outbox::new(Log::Result), Outbox::new(Log::Status)],
            runs: 0,
            schedule: Schedule::default(),
            world,
            host,
        }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        sleep(self.world.delay(self.host.index)).await;
        self.link.enroll().await;
        self.fetch_config().await;
        if self.trouble == Trouble::Offline {
            self.be_away().await;
        }
        self.poll().await;
        // Agents that enrolled together must not poll together.
        sleep(self.world.settings.check_in_interval.mul_f64(self.draw.fraction())).await;
        loop {
            let rounds = if self.trouble == Trouble::Offline { self.draw.between(3, 9) } else { i64::MAX };
            for _ in 0..rounds {
                self.poll().await;
                sleep(self.pause()).await;
            }
            self.be_away().await;
        }
    }

    /// One round: configuration and logs where they are due, and a check-in.
    async fn poll(&mut self) {
        if self.next_config.is_some_and(|time| Instant::now() >= time) {
            self.fetch_config().await;
        }
        self.check_in().await;
        self.run_schedule().await;
        self.log().await;
    }

    /// The time to the next round: the interval, a tenth more or less.
    fn pause(&mut self) -> Duration {
        let usual = self.world.settings.check_in_interval;
        let accelerated = self.accelerated_until.is_some_and(|until| Instant::now() < until);
        let interval = if accelerated { usual.min(ACCELERATED) } else { usual };
        interval.mul_f64(0.9 + 0.2 * self.draw.fraction())
    }

    /// Is not heard of for some intervals.
    async fn be_away(&mut self) {
        self.world.stats.went_away();
        let intervals = 3.0 + 5.0 * self.draw.fraction();
        sleep(self.world.settings.check_in_interval.mul_f64(intervals)).await;
        self.world.stats.add(Count::Online, 1);
    }

    /// Fetches the configuration.
    async fn fetch_config(&mut self) {
        if let Some(config) = self.link.request(Endpoint::Config, wire::who).await {
            self.world.stats.violated(&contract::config(&config));
            self.schedule.follow(&config, &self.host, Instant::now());
        }
        self.next_config = Some(Instant::now() + CONFIG_REFRESH);
    }

    /// Asks for queries, runs them, and writes every answer that was not accepted yet.
    async fn check_in(&mut self) {
        if let Some(members) = self.link.request(Endpoint::Read, wire::who).await {
            self.world.stats.add(Count::CheckIns, 1);
            let offer = contract::offer(&members, self.host.osquery);
            self.world.stats.violated(&offer.violations);
            if let Some(time) = offer.accelerate {
                self.accelerated_until = Some(Instant::now() + time);
            }
            self.answer(offer.queries).await;
        }
        self.write().await;
    }

    /// Runs queries, one after the other; a later answer to the same query replaces an earlier one.
    async fn answer(&mut self, queries: BTreeMap<String, String>) {
        if self.trouble == Trouble::Slow && !queries.is_empty() {
            sleep(Duration::from_secs_f64(1.0 + 4.0 * self.draw.fraction())).await;
        }
        for (id, sql) in queries {
            let answer = match self.trouble {
                Trouble::Failing => Answer::failed("disk I/O error"),
                _ => self.world.evaluator.answer(&self.host, sql).await,
            };
            self.world.stats.add(Count::Queries, 1);
            self.pending.insert(id, answer);
        }
    }

    /// Writes the answers; they are forgotten only when the server has accepted them.
    async fn write(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let (version, pending) = (self.host.osquery, &self.pending);
        let body = |key: &str| wire::write(version, pending, key);
        if self.link.request(Endpoint::Write, body).await.is_some() {
            self.world.stats.add(Count::Answers, self.pending.len());
            self.pending.clear();
        }
    }

    /// Runs the scheduled queries that are due, and logs what they say.
    async fn run_schedule(&mut self) {
        for (name, sql) in self.schedule.due(Instant::now()) {
            let answer = self.world.evaluator.answer(&self.host, sql).await;
            let Ok(rows) = answer.result else { continue };
            let now = self.world.clock.now();
            let lines = self.schedule.lines(&self.host, now, &name, &rows);
            for line in lines {
                self.logs[0].push(line);
            }
        }
    }

    /// Writes log lines where it is time, and sends those that wait.
    async fn log(&mut self) {
        if let Some(interval) = self.world.settings.log_interval
            && self.next_log.is_none_or(|time| Instant::now() >= time)
        {
            self.next_log = Some(Instant::now() + interval);
            self.make_lines().await;
        }
        for outbox in &mut self.logs {
            let Some(lines) = outbox.due(Instant::now()) else { continue };
            let (version, log) = (self.host.osquery, outbox.log);
            let body = |key: &str| wire::log(version, log, lines, key);
            match self.link.request_once(Endpoint::Log, body).await {
                Some(_) => self.world.stats.add(Count::LogLines, outbox.accepted()),
                None => outbox.failed(Instant::now()),
            }
        }
    }

    /// Makes one line about the agent, and one for each row of its scheduled query.
    async fn make_lines(&mut self) {
        let now = self.world.clock.now();
        let sql = "select days, hours, total_seconds from uptime".to_owned();
        let rows = self.world.evaluator.answer(&self.host, sql).await.result.unwrap_or_default();
        let [results, statuses] = &mut self.logs;
        statuses.push(wire::status_line(&self.host, now, "Executing scheduled query uptime"));
        for row in &rows {
            results.push(wire::result_line(&self.host, now, "uptime", self.runs, row));
        }
        self.runs += 1;
    }
}
