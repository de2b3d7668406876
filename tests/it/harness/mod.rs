//! What the tests stand on: the whole application in process, people, and faithful agents.

pub mod agent;
pub mod binary;
pub mod campaign;
pub mod canary;
pub mod cutter;
pub mod events;
pub mod logs;
pub mod pair;
pub mod sink;
pub mod personas;
pub mod redis_way;
pub mod sdl;
pub mod seeds;
pub mod server;
pub mod services;
pub mod socket;
pub mod stores;
pub mod stored;
pub mod tables;
pub mod terminal;
pub mod tls;
pub mod wire;
pub mod world;

use std::future::Future;
use std::time::Duration;

/// How long anything may take that a test waits for. No test measures time: this only turns a hang into a failure.
pub fn deadline() -> Duration {
    if seeds::is_long() { Duration::from_mins(5) } else { Duration::from_secs(30) }
}

/// Waits for `what`, and fails at the deadline.
#[track_caller]
pub fn within_deadline<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        let deadline = deadline();
        let result = tokio::time::timeout(deadline, future).await;
        result.unwrap_or_else(|_| panic!("{caller}: waited {deadline:?} for {what}"))
    }
}

/// Runs a test on a runtime of its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads can be started").block_on(future)
}
