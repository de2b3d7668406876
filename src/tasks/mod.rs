//! Background work: one loop; each task is an idempotent run over the [`Fleet`] without other input.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, FleetError};

/// How often changes and idempotency keys that are a day old are removed.
const PRUNING: Duration = Duration::from_mins(10);

/// How often the last uses of API tokens, which are kept to the minute, are written.
const TOKEN_USES: Duration = Duration::from_mins(1);

/// How often each task runs.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// The look at the store for what no message told: `changes` first of all, then how far campaigns are.
    pub changes: Duration,
    /// The flush of last-seen times.
    pub presence: Duration,
    /// The expiry of campaigns.
    pub expiry: Duration,
}

/// A piece of work: its name in logs, its interval, and one run of it.
struct Task {
    name: &'static str,
    every: Duration,
    run: for<'a> fn(&'a Fleet) -> BoxFuture<'a, Result<(), FleetError>>,
}

/// Runs every task at its interval, and looks at changes when told to, until `shutdown`; then flushes what is due
/// a last time.
pub async fn run(fleet: Fleet, intervals: Intervals, shutdown: CancellationToken) {
    let tasks = [
        Task { name: "changes", every: intervals.changes, run: |fleet| Box::pin(fleet.catch_up()) },
        Task { name: "progress", every: intervals.changes, run: |fleet| Box::pin(fleet.check_progress()) },
        Task { name: "pruning", every: PRUNING, run: |fleet| Box::pin(fleet.prune_changes()) },
        Task { name: "idempotency", every: PRUNING, run: |fleet| Box::pin(fleet.prune_idempotency_keys()) },
        Task { name: "token uses", every: TOKEN_USES, run: |fleet| Box::pin(fleet.flush_token_uses()) },
        Task { name: "activities", every: intervals.changes, run: |fleet| Box::pin(fleet.beat_activities()) },
        Task { name: "retention", every: PRUNING, run: |fleet| Box::pin(fleet.prune_activities()) },
        Task { name: "credentials", every: PRUNING, run: |fleet| Box::pin(fleet.prune_credentials()) },
        Task { name: "presence", every: intervals.presence, run: |fleet| Box::pin(fleet.flush_presence()) },
        Task { name: "expiry", every: intervals.expiry, run: |fleet| Box::pin(fleet.expire_campaigns()) },
    ];
    let loops = join_all(tasks.iter().map(|task| repeat(task, &fleet)));
    shutdown.run_until_cancelled(loops).await;
    if let Err(error) = fleet.flush_presence().await {
        tracing::warn!(%error, "the last last-seen times were not stored");
    }
    if let Err(error) = fleet.flush_token_uses().await {
        tracing::warn!(%error, "the last uses of API tokens were not stored");
    }
}

/// Runs every task once, in order: for tests, where time moves by hand.
///
/// # Errors
/// The first failure; what follows did not run.
pub async fn run_once(fleet: &Fleet) -> Result<(), FleetError> {
    fleet.catch_up().await?;
    fleet.check_progress().await?;
    fleet.prune_changes().await?;
    fleet.prune_idempotency_keys().await?;
    fleet.flush_token_uses().await?;
    fleet.beat_activities().await?;
    fleet.prune_activities().await?;
    fleet.prune_credentials().await?;
    fleet.flush_presence().await?;
    fleet.expire_campaigns().await
}

async fn repeat(task: &Task, fleet: &Fleet) {
    let mut ticks = interval(task.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut health = Health::new(task.name);
    loop {
        ticks.tick().await;
        health.observe((task.run)(fleet).await);
    }
}

/// Whether a task worked last time: a failure is logged when it begins and when it ends, not at each run.
struct Health {
    task: &'static str,
    failing: bool,
}

impl Health {
    fn new(task: &'static str) -> Self {
        Self { task, failing: false }
    }

    /// Notes how a run went.
    fn observe(&mut self, result: Result<(), FleetError>) {
        let failed = result.is_err();
        match result {
            Err(error) if !self.failing => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(task = self.task, %error, cause, "a task fails; it is tried again");
            }
            Ok(()) if self.failing => tracing::info!(task = self.task, "the task works again"),
            Ok(()) | Err(_) => {}
        }
        self.failing = failed;
    }
}
