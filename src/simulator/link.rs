//! A host's link to the server: its node key, and requests that are tried as often as osquery tries them.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::World;
use super::contract::{self, Meaning, Violation};
use super::host::Host;
use super::http::{Client, Connections, Post, Reply};
use super::stats::{Count, Problem};
use super::wire;

/// How often a request is tried before it waits for the next poll; the n-th failure is followed by n² seconds.
const ATTEMPTS: u32 = 3;

/// The longest pause between two enrollments, in seconds.
const MAX_ENROLL_PAUSE: u32 = 600;

/// An endpoint of the agent protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Enroll,
    Config,
    Read,
    Write,
    Log,
}

impl Endpoint {
    /// All of them, in order.
    pub(super) const ALL: [Self; 5] = [Self::Enroll, Self::Config, Self::Read, Self::Write, Self::Log];

    /// Its name in a report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Config => "config",
            Self::Read => "read",
            Self::Write => "write",
            Self::Log => "log",
        }
    }

    /// Its path after the prefix.
    fn path(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Config => "config",
            Self::Read => "distributed/read",
            Self::Write => "distributed/write",
            Self::Log => "log",
        }
    }
}

/// The link of one host.
pub(super) struct Link {
    world: Arc<World>,
    host: Arc<Host>,
    client: Client,
    user_agent: String,
    node_key: Option<String>,
    /// Whether it ever had a node key.
    was_enrolled: bool,
}

impl Link {
    /// A link without a node key.
    pub(super) fn new(world: Arc<World>, host: Arc<Host>) -> Self {
        let fresh = world.settings.new_connection_per_request;
        let connections = if fresh { Connections::Fresh } else { Connections::Kept };
        let client = Client::new(Arc::clone(&world.target), connections);
        let user_agent = format!("osquery/{}", host.osquery);
        Self { world, host, client, user_agent, node_key: None, was_enrolled: false }
    }

    /// Enrolls until the server gives a node key; does nothing if there is one. Only so many hosts enroll at a time.
    pub(super) async fn enroll(&mut self) -> String {
        let mut failures: u32 = 0;
        loop {
            if let Some(key) = &self.node_key {
                return key.clone();
            }
            if failures > 0 {
                sleep(self.world.second * failures.saturating_mul(failures).min(MAX_ENROLL_PAUSE)).await;
            }
            failures += 1;
            self.enroll_once().await;
        }
    }

    /// Tries a request up to three times; enrolls where that is needed. `None` if it did not succeed.
    pub(super) async fn request(
        &mut self,
        endpoint: Endpoint,
        body: impl Fn(&str) -> Vec<u8>,
    ) -> Option<Map<String, Value>> {
        for attempt in 1..=ATTEMPTS {
            let accepted = self.request_once(endpoint, &body).await;
            if accepted.is_some() {
                return accepted;
            }
            if attempt < ATTEMPTS {
                sleep(self.world.second * attempt * attempt).await;
            }
        }
        None
    }

    /// Tries a request once; enrolls if there is no node key, and forgets it if the server does not know it.
    pub(super) async fn request_once(
        &mut self,
        endpoint: Endpoint,
        body: impl Fn(&str) -> Vec<u8>,
    ) -> Option<Map<String, Value>> {
        let key = self.enroll().await;
        let meaning = self.send(endpoint, Some(&key), body(&key)).await?;
        match meaning {
            Meaning::Accepted(members) => Some(members),
            Meaning::NodeInvalid => {
                self.world.stats.failed(Problem::NodeInvalid);
                self.node_key = None;
                None
            }
            Meaning::Refused => {
                self.world.stats.failed(Problem::Refused);
                None
            }
            Meaning::Unreadable => {
                self.world.stats.failed(Problem::Unreadable);
                None
            }
        }
    }

    /// One enrollment; keeps the node key if there is one in the answer.
    async fn enroll_once(&mut self) {
        let details = self.details().await;
        let world = Arc::clone(&self.world);
        let _permit = world.enrolling.acquire().await.expect("the semaphore is never closed");
        let body = wire::enroll(&self.host, &world.settings.enroll_secret, &details);
        let Some(meaning) = self.send(Endpoint::Enroll, None, body).await else { return };
        // What refuses an enrollment has no node key; nothing else is looked at.
        let Meaning::Accepted(members) = meaning else {
            return world.stats.failed(Problem::Refused);
        };
        match contract::node_key(&members) {
            Ok(Some(key)) => self.keep(key),
            Ok(None) => world.stats.violated(&[Violation::FailureWithoutError]),
            Err(violation) => world.stats.violated(&[violation]),
        }
    }

    /// Keeps a new node key.
    fn keep(&mut self, key: String) {
        self.node_key = Some(key);
        self.world.stats.add(Count::Enrollments, 1);
        if !self.was_enrolled {
            self.was_enrolled = true;
            self.world.stats.add(Count::Online, 1);
            self.world.stats.host_enrolled();
        }
    }

    /// The first rows of the tables that an enrollment tells about.
    async fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        for table in ["os_version", "osquery_info", "platform_info", "system_info"] {
            let answer = self.world.evaluator.answer(&self.host, format!("select * from {table}")).await;
            if let Some(row) = answer.result.unwrap_or_default().into_iter().next() {
                details.insert(table.to_owned(), Value::Object(row));
            }
        }
        details
    }

    /// Sends one request and judges the reply; `None` if there is none.
    async fn send(&mut self, endpoint: Endpoint, node_key: Option<&str>, body: Vec<u8>) -> Option<Meaning> {
        let version = self.host.osquery;
        let post = Post {
            path: format!("{}/{}", wire::prefix(version), endpoint.path()),
            user_agent: &self.user_agent,
            node_key: node_key.filter(|_| wire::sends_key_header(version)),
            body: Bytes::from(body),
        };
        let stats = &self.world.stats;
        match self.client.post(&post).await {
            Ok(reply) => Some(self.judge(endpoint, &reply)),
            Err(error) => {
                stats.failed(error.kind());
                if error.is_too_large() {
                    stats.violated(&[Violation::TooLarge]);
                }
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(error = cause, endpoint = endpoint.path(), "a simulated host got no reply");
                None
            }
        }
    }

    /// Counts what is wrong with a reply, and how long it took.
    fn judge(&self, endpoint: Endpoint, reply: &Reply) -> Meaning {
        let stats = &self.world.stats;
        stats.answered(endpoint, reply.took);
        let (meaning, violations) = contract::read(reply);
        if !violations.is_empty() {
            stats.violated(&violations);
            tracing::warn!(
                endpoint = endpoint.path(),
                status = reply.status,
                ?violations,
                "the agent contract is broken"
            );
        }
        meaning
    }
}
