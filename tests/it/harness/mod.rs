//! What the tests stand on: the whole application in process, people, and faithful agents.

pub mod agent;
pub mod binary;
pub mod campaign;
pub mod cutter;
pub mod events;
pub mod personas;
pub mod seeds;
pub mod server;
pub mod services;
pub mod socket;
pub mod stores;
pub mod stored;
pub mod terminal;
pub mod tls;
pub mod wire;
pub mod world;

use std::future::Future;
use std::time::Duration;

/// How long anything may take that a test waits for. No test measures time: this only turns a hang into a failure.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for `what`, and fails at the deadline.
#[track_caller]
pub fn within_deadline<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        let result = tokio::time::timeout(DEADLINE, future).await;
        result.unwrap_or_else(|_| panic!("{caller}: waited {DEADLINE:?} for {what}"))
    }
}

/// Runs a test on a runtime of its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads can be started").block_on(future)
}
