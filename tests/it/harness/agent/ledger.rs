//! What an agent knows for sure: the oracle that the store is compared with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::AgentAnswer;

/// The history of one agent.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How often it was let in.
    pub enrollments: u32,
    /// Every query it was given, by id and text, in order; a query that is offered again stands again.
    pub asked: Vec<(String, String)>,
    /// Every different answer that was put on the wire, acknowledged or not, by query id.
    pub sent: BTreeMap<String, Vec<AgentAnswer>>,
    /// Ids of queries whose answers were accepted.
    pub accepted: BTreeSet<String>,
    /// Log lines that were accepted.
    pub logged: Vec<String>,
    /// What answers said that were no success, in order; an agent tries again.
    pub refused: Vec<String>,
    /// `accelerate` of the last read.
    pub accelerate: Option<Value>,
}

impl Ledger {
    /// Notes what goes on the wire.
    pub(super) fn sending(&mut self, results: &BTreeMap<String, AgentAnswer>) {
        for (id, answer) in results {
            let sent = self.sent.entry(id.clone()).or_default();
            if !sent.contains(answer) {
                sent.push(answer.clone());
            }
        }
    }

    /// Notes what was accepted.
    pub(super) fn acknowledged(&mut self, results: &BTreeMap<String, AgentAnswer>) {
        self.accepted.extend(results.keys().cloned());
    }

    /// SQL of the queries whose answers were accepted, each once.
    pub fn accepted_sql(&self) -> BTreeSet<&str> {
        let accepted = self.asked.iter().filter(|(id, _)| self.accepted.contains(id));
        accepted.map(|(_, sql)| sql.as_str()).collect()
    }
}
