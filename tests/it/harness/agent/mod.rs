//! The faithful agent: osquery's remote API as osqueryd itself behaves, and the oracle of the tests.
//!
//! It never looks at the status code. It keeps results until a write was accepted and then sends all of them
//! together, tries silently twice when the transport fails, makes three attempts (its pauses are left out), drops its
//! key on `node_invalid` and enrolls again. What a real agent would die of ends the test.

mod answer;
pub mod body;
mod identity;
mod ledger;
pub mod raw;
mod reply;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

pub use answer::AgentAnswer;
pub use identity::Identity;
pub use ledger::Ledger;

use super::wire;

/// How long one request may take in all, the silent second try included.
const REQUEST: Duration = Duration::from_secs(16);

/// Attempts of config, read and write.
const ATTEMPTS: u32 = 3;

/// Lines in one log request at most.
const MAX_LINES: usize = 1_024;

/// Which generation of osquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// 5.23: `Authorization` header, typed JSON, messages and stats.
    Modern,
    /// 3.1: every scalar a string, `""` for an empty list.
    Old,
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The server does its work; the answer is lost.
    LoseReply,
    /// Only the first half arrives.
    CutUpload,
}

/// How an agent comes to its answers: SQL in, rows or a failure out.
pub type Answering = Arc<dyn Fn(&str) -> AgentAnswer + Send + Sync>;

/// An osqueryd.
pub struct Agent {
    /// Who it is.
    pub identity: Identity,
    /// Its generation.
    pub form: Form,
    /// Where its endpoints are: `/api/osquery` or `/api/v1/osquery`.
    pub prefix: &'static str,
    /// The server it talks to.
    pub server: SocketAddr,
    /// What lets it in.
    pub secret: String,
    /// What it proves itself with; none before it is enrolled.
    pub node_key: Option<String>,
    /// What happens to its next requests, one an entry.
    pub faults: VecDeque<Fault>,
    /// What it knows for sure.
    pub ledger: Ledger,
    answering: Answering,
    unsent: BTreeMap<String, AgentAnswer>,
    lines: BTreeMap<&'static str, VecDeque<String>>,
}

impl Agent {
    /// An agent that is not enrolled yet.
    pub fn new(server: SocketAddr, secret: &str, identity: Identity, answering: Answering) -> Self {
        Self {
            identity,
            form: Form::Modern,
            prefix: "/api/osquery",
            server,
            secret: secret.to_owned(),
            node_key: None,
            faults: VecDeque::new(),
            ledger: Ledger::default(),
            answering,
            unsent: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Enrolls; false when the server does not let it in.
    pub async fn enroll(&mut self) -> bool {
        for _ in 0..ATTEMPTS {
            let body = body::enroll(self.form, &self.secret, &self.identity);
            if let Ok(response) = self.post("enroll", &body, None).await
                && let Some(key) = reply::node_key(&response)
            {
                self.node_key = Some(key);
                self.ledger.enrollments += 1;
                return true;
            }
        }
        false
    }

    /// Fetches the configuration.
    pub async fn config(&mut self) -> Result<Map<String, Value>, String> {
        self.call("config", ATTEMPTS, body::keyed).await
    }

    /// A whole turn: reads, runs what was read, writes.
    pub async fn poll(&mut self) -> Result<(), String> {
        self.read().await?;
        self.write().await
    }

    /// Reads what it is asked, and runs it; the results wait to be written.
    pub async fn read(&mut self) -> Result<(), String> {
        let response = self.call("distributed/read", ATTEMPTS, body::keyed).await?;
        self.ledger.accelerate = response.get("accelerate").cloned();
        for (id, sql) in reply::queries(&response) {
            let answer = (self.answering)(&sql);
            self.ledger.asked.push((id.clone(), sql));
            self.unsent.insert(id, answer);
        }
        Ok(())
    }

    /// Writes all results that no earlier write got through.
    pub async fn write(&mut self) -> Result<(), String> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let (form, results) = (self.form, self.unsent.clone());
        self.ledger.sending(&results);
        self.call("distributed/write", ATTEMPTS, |key| body::write(form, &results, key)).await?;
        self.ledger.acknowledged(&results);
        self.unsent.clear();
        Ok(())
    }

    /// Puts a result among those to be written, as one that was asked before a restart.
    pub fn remember(&mut self, query_id: &str, answer: AgentAnswer) {
        self.unsent.insert(query_id.to_owned(), answer);
    }

    /// How many results wait to be written.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Log lines that were not accepted yet.
    pub fn unlogged(&self) -> usize {
        self.lines.values().map(VecDeque::len).sum()
    }

    /// Buffers log lines of a type, `result` or `status`.
    pub fn log(&mut self, log_type: &'static str, lines: impl IntoIterator<Item = String>) {
        self.lines.entry(log_type).or_default().extend(lines);
    }

    /// Sends the oldest lines of each type, once; what was not accepted stays.
    pub async fn flush_logs(&mut self) -> Result<(), String> {
        for (log_type, mut lines) in std::mem::take(&mut self.lines) {
            let count = lines.len().min(MAX_LINES);
            let batch: Vec<String> = lines.iter().take(count).cloned().collect();
            let sent = self.call("log", 1, |key| body::log(log_type, &batch, key)).await;
            if sent.is_ok() {
                self.ledger.logged.extend(lines.drain(..count));
            }
            self.lines.entry(log_type).or_default().extend(lines);
            sent?;
        }
        Ok(())
    }

    /// Calls an endpoint with its key, enrolling first where it has none.
    async fn call(
        &mut self,
        endpoint: &str,
        attempts: u32,
        body: impl Fn(&str) -> Vec<u8>,
    ) -> Result<Map<String, Value>, String> {
        let mut failure = String::new();
        for _ in 0..attempts {
            if self.node_key.is_none() {
                self.enroll().await;
            }
            let key = self.node_key.clone().unwrap_or_default();
            match self.post(endpoint, &body(&key), self.node_key.clone()).await {
                Ok(response) => return Ok(response),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// One attempt: one request, or two when the transport fails.
    async fn post(
        &mut self,
        endpoint: &str,
        body: &[u8],
        key: Option<String>,
    ) -> Result<Map<String, Value>, String> {
        let request = self.request(endpoint, body, key.as_deref());
        let tries = async {
            match self.send(&request).await {
                Ok(response) => Ok(response),
                Err(_) => self.send(&request).await,
            }
        };
        let response = timeout(REQUEST, tries).await.map_err(|_| "Request timed out".to_owned())?;
        let response = response.map_err(|error| error.to_string())?;
        let parsed = reply::parse(endpoint, &response);
        if let Err(reply::Failure::NodeInvalid) = &parsed
            && endpoint != "enroll"
        {
            self.node_key = None;
        }
        parsed.map_err(|failure| {
            self.ledger.refused.push(format!("{endpoint}: {failure}"));
            failure.to_string()
        })
    }

    /// A request with osquery's headers in osquery's order.
    fn request(&self, endpoint: &str, body: &[u8], key: Option<&str>) -> Vec<u8> {
        let agent = format!("osquery/{}", self.form.version());
        let authorization = key.map(|key| format!("NodeKey {key}"));
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
            ("User-Agent", agent.as_str()),
        ];
        if let (Form::Modern, Some(authorization)) = (self.form, &authorization) {
            headers.push(("Authorization", authorization));
        }
        wire::request("POST", &format!("{}/{endpoint}", self.prefix), &headers, body)
    }

    async fn send(&mut self, request: &[u8]) -> io::Result<wire::Response> {
        match self.faults.pop_front().unwrap_or(Fault::None) {
            Fault::None => wire::exchange(self.server, request).await,
            Fault::LoseReply => {
                wire::exchange(self.server, request).await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Fault::CutUpload => {
                wire::abandon(self.server, &request[..request.len() / 2]).await?;
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }
}

impl Form {
    /// The version it announces.
    pub fn version(self) -> &'static str {
        match self {
            Self::Modern => "5.23.1",
            Self::Old => "3.1.0",
        }
    }
}
