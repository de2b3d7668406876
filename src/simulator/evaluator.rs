//! The worker threads that evaluate the queries of all simulated hosts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;

use super::engine::{AnswerRow, Engine};
use super::host::Host;

/// Threads that evaluate; each has its own databases.
const WORKERS: usize = 2;

/// Queries that may wait for one thread.
const WAITING: usize = 256;

/// What a host found.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Its rows, or the text of the error.
    pub(super) result: Result<Vec<AnswerRow>, String>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Answer {
    /// A failure that took no time.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { result: Err(message.into()), took: Duration::ZERO }
    }
}

/// Handle to the threads; they end with it.
pub(super) struct Evaluator {
    workers: Vec<mpsc::Sender<Job>>,
}

/// A query to evaluate.
struct Job {
    host: Arc<Host>,
    sql: String,
    reply: oneshot::Sender<Answer>,
}

impl Evaluator {
    /// Starts the threads, in the runtime of the caller; `clock` is what the hosts see as the time.
    pub(super) fn start(clock: &Clock) -> Self {
        let start = |_| {
            let (sender, jobs) = mpsc::channel(WAITING);
            let clock = clock.clone();
            tokio::task::spawn_blocking(move || work(&clock, jobs));
            sender
        };
        Self { workers: (0..WORKERS).map(start).collect() }
    }

    /// What `host` answers to `sql`. One host's queries go to one thread, in their order.
    pub(super) async fn answer(&self, host: &Arc<Host>, sql: String) -> Answer {
        let (reply, answer) = oneshot::channel();
        let worker = &self.workers[host.index % WORKERS];
        let sent = worker.send(Job { host: Arc::clone(host), sql, reply }).await;
        match (sent, answer.await) {
            (Ok(()), Ok(answer)) => answer,
            _ => Answer::failed("the simulation has no evaluator"),
        }
    }
}

/// Evaluates queries until nobody can send any more.
fn work(clock: &Clock, mut jobs: mpsc::Receiver<Job>) {
    let engine = Engine::new().expect("databases in memory with fixed tables can be made");
    while let Some(job) = jobs.blocking_recv() {
        let begun = Instant::now();
        let result = engine.answer(&job.host, clock.now(), &job.sql);
        // A host that was stopped no longer waits.
        let _ = job.reply.send(Answer { result, took: begun.elapsed() });
    }
}
