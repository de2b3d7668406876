//! What is counted while a simulation runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::contract::Violation;
use super::histogram::{Histogram, Latency};
use super::link::Endpoint;

/// Figures of a simulation so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Hosts that are simulated.
    pub hosts: u64,
    /// Hosts that have enrolled at least once.
    pub enrolled: u64,
    /// Hosts that have enrolled and are not away.
    pub online: u64,
    /// Node keys received; more than `enrolled` when hosts had to enroll again.
    pub enrollments: u64,
    /// Reads that were answered.
    pub check_ins: u64,
    /// Queries evaluated, repeated ones included.
    pub queries: u64,
    /// Answers that the server acknowledged, failures included.
    pub answers: u64,
    /// Log lines that the server acknowledged.
    pub log_lines: u64,
    /// Times the server said `node_invalid`.
    pub node_invalid: u64,
    /// Requests that the server refused with `error`.
    pub refused: u64,
    /// Requests that got no answer an agent can read.
    pub broken: u64,
    /// Of those, and of the refused ones, how many for each reason; empty if there were none.
    pub problems: BTreeMap<&'static str, u64>,
    /// Breaches of the agent contract, by what was wrong; empty if there were none.
    pub violations: BTreeMap<&'static str, u64>,
    /// Latency of each endpoint's answers, whatever they say, in the order of an agent's life.
    pub latencies: [(&'static str, Latency); Endpoint::ALL.len()],
}

/// Why a request did not succeed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Problem {
    NoConnection,
    Broken,
    TimedOut,
    Unreadable,
    Refused,
    NodeInvalid,
}

impl Problem {
    /// All of them, in order.
    const ALL: [Self; 6] = [
        Self::NoConnection,
        Self::Broken,
        Self::TimedOut,
        Self::Unreadable,
        Self::Refused,
        Self::NodeInvalid,
    ];

    /// In words.
    fn description(self) -> &'static str {
        match self {
            Self::NoConnection => "no connection",
            Self::Broken => "connection broke",
            Self::TimedOut => "no answer within 16 s",
            Self::Unreadable => "unreadable answer",
            Self::Refused => "refused with error",
            Self::NodeInvalid => "node key unknown",
        }
    }
}

/// What is counted one by one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Online,
    Enrollments,
    CheckIns,
    Queries,
    Answers,
    LogLines,
    NodeInvalid,
    Refused,
    Broken,
}

/// How many counts there are.
const COUNTS: usize = Count::Broken as usize + 1;

/// The counters, shared by all hosts.
pub(super) struct Stats {
    hosts: u64,
    enrolled: watch::Sender<usize>,
    counts: [AtomicU64; COUNTS],
    violations: [AtomicU64; Violation::ALL.len()],
    problems: [AtomicU64; Problem::ALL.len()],
    latencies: [Histogram; Endpoint::ALL.len()],
}

impl Stats {
    /// Counters of so many hosts, all zero.
    pub(super) fn new(hosts: usize) -> Self {
        Self {
            hosts: u64::try_from(hosts).unwrap_or(u64::MAX),
            enrolled: watch::Sender::new(0),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            violations: std::array::from_fn(|_| AtomicU64::new(0)),
            problems: std::array::from_fn(|_| AtomicU64::new(0)),
            latencies: std::array::from_fn(|_| Histogram::new()),
        }
    }

    /// Adds to a count.
    pub(super) fn add(&self, count: Count, number: usize) {
        self.counts[count as usize].fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Takes one host off those that are online.
    pub(super) fn went_away(&self) {
        self.counts[Count::Online as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a request that did not succeed.
    pub(super) fn failed(&self, problem: Problem) {
        self.problems[problem as usize].fetch_add(1, Ordering::Relaxed);
        self.add(
            match problem {
                Problem::Refused => Count::Refused,
                Problem::NodeInvalid => Count::NodeInvalid,
                Problem::NoConnection | Problem::Broken | Problem::TimedOut | Problem::Unreadable => {
                    Count::Broken
                }
            },
            1,
        );
    }

    /// Notes how long an answer took.
    pub(super) fn answered(&self, endpoint: Endpoint, took: Duration) {
        self.latencies[endpoint as usize].record(took);
    }

    /// Counts breaches of the contract.
    pub(super) fn violated(&self, violations: &[Violation]) {
        for violation in violations {
            self.violations[*violation as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a host that enrolled for the first time.
    pub(super) fn host_enrolled(&self) {
        self.enrolled.send_modify(|enrolled| *enrolled += 1);
    }

    /// Waits until so many hosts have enrolled.
    pub(super) async fn wait_enrolled(&self, hosts: usize) {
        let waited = self.enrolled.subscribe().wait_for(|enrolled| *enrolled >= hosts).await.map(drop);
        waited.expect("the sender lives as long as self");
    }

    /// The figures so far.
    pub(super) fn snapshot(&self) -> StatsSnapshot {
        let count = |count: Count| self.counts[count as usize].load(Ordering::Relaxed);
        let violations = Violation::ALL.into_iter().map(|violation| {
            (violation.description(), self.violations[violation as usize].load(Ordering::Relaxed))
        });
        let problems = Problem::ALL
            .map(|problem| (problem.description(), self.problems[problem as usize].load(Ordering::Relaxed)))
            .into_iter();
        StatsSnapshot {
            hosts: self.hosts,
            enrolled: u64::try_from(*self.enrolled.borrow()).unwrap_or(u64::MAX),
            online: count(Count::Online),
            enrollments: count(Count::Enrollments),
            check_ins: count(Count::CheckIns),
            queries: count(Count::Queries),
            answers: count(Count::Answers),
            log_lines: count(Count::LogLines),
            node_invalid: count(Count::NodeInvalid),
            refused: count(Count::Refused),
            broken: count(Count::Broken),
            violations: violations.filter(|(_, times)| *times > 0).collect(),
            problems: problems.filter(|(_, times)| *times > 0).collect(),
            latencies: Endpoint::ALL
                .map(|endpoint| (endpoint.name(), self.latencies[endpoint as usize].latency())),
        }
    }
}
