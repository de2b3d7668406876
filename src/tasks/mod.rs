//! Background work: one loop; each task is an idempotent run over the [`Fleet`] without other input.

use std::time::Duration;

use futures_util::future::{BoxFuture, join, join_all};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, FleetError};

/// How often changes and idempotency keys that are a day old are removed.
const PRUNING: Duration = Duration::from_mins(10);

/// How often the last uses of API tokens, which are kept to the minute, are written.
const TOKEN_USES: Duration = Duration::from_mins(1);

/// How long a run about this server's own memory may take, its first load included: it ends, too, when the database
/// goes without a word.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a run that keeps house may take.
const PATIENCE_IN_THE_HOUSE: Duration = Duration::from_mins(10);

/// How often each task runs.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// The look at the store for what no message told: `changes` first of all, then how far campaigns are.
    pub changes: Duration,
    /// The flush of last-seen times.
    pub presence: Duration,
    /// The look at which hosts turned online or offline.
    pub statuses: Duration,
    /// The expiry of campaigns.
    pub expiry: Duration,
    /// The renewal of the lease: several times within its life.
    pub lease: Duration,
}

/// A piece of work: its name in logs, its interval, and one run of it.
struct Task {
    name: &'static str,
    every: Duration,
    run: for<'a> fn(&'a Fleet) -> BoxFuture<'a, Result<(), FleetError>>,
}

/// Runs every task at its interval until `shutdown`; then flushes what is due a last time.
///
/// Most tasks are about a server's own memory and run on every server. Those that keep house, and so change the same
/// rows wherever they run, run where the lease is, and at once where it comes to.
pub async fn run(fleet: Fleet, intervals: Intervals, shutdown: CancellationToken) {
    let everywhere = [
        Task { name: "changes", every: intervals.changes, run: |fleet| Box::pin(fleet.catch_up()) },
        Task { name: "progress", every: intervals.changes, run: |fleet| Box::pin(fleet.check_progress()) },
        Task { name: "lease", every: intervals.lease, run: |fleet| Box::pin(fleet.keep_lease()) },
        Task { name: "token uses", every: TOKEN_USES, run: |fleet| Box::pin(fleet.flush_token_uses()) },
        Task { name: "activities", every: intervals.changes, run: |fleet| Box::pin(fleet.beat_activities()) },
        Task { name: "reports", every: intervals.changes, run: |fleet| Box::pin(fleet.update_reports()) },
        Task { name: "presence", every: intervals.presence, run: |fleet| Box::pin(fleet.flush_presence()) },
        Task {
            name: "query costs",
            every: intervals.presence,
            run: |fleet| Box::pin(fleet.flush_query_costs()),
        },
    ];
    let on_one_server = [
        Task { name: "expiry", every: intervals.expiry, run: |fleet| Box::pin(fleet.expire_campaigns()) },
        Task {
            name: "audit shipping",
            every: intervals.changes,
            run: |fleet| Box::pin(fleet.ship_activities()),
        },
        Task {
            name: "answer shipping",
            every: intervals.changes,
            run: |fleet| Box::pin(fleet.ship_answers()),
        },
        Task { name: "pruning", every: PRUNING, run: |fleet| Box::pin(fleet.prune_changes()) },
        Task { name: "idempotency", every: PRUNING, run: |fleet| Box::pin(fleet.prune_idempotency_keys()) },
        Task { name: "retention", every: PRUNING, run: |fleet| Box::pin(fleet.prune_activities()) },
        Task {
            name: "old policy results",
            every: PRUNING,
            run: |fleet| Box::pin(fleet.prune_policy_history()),
        },
        Task { name: "old reports", every: PRUNING, run: |fleet| Box::pin(fleet.prune_reports()) },
        Task { name: "old costs", every: PRUNING, run: |fleet| Box::pin(fleet.prune_query_costs()) },
        Task { name: "statuses", every: intervals.statuses, run: |fleet| Box::pin(fleet.tell_statuses()) },
        Task { name: "host expiry", every: PRUNING, run: |fleet| Box::pin(fleet.expire_hosts()) },
        Task { name: "events", every: PRUNING, run: |fleet| Box::pin(fleet.purge_events()) },
        Task { name: "credentials", every: PRUNING, run: |fleet| Box::pin(fleet.prune_credentials()) },
    ];
    let loops = join(
        join_all(everywhere.iter().map(|task| repeat(task, &fleet))),
        join_all(on_one_server.iter().map(|task| repeat_with_lease(task, &fleet))),
    );
    shutdown.run_until_cancelled(loops).await;
    if let Err(error) = fleet.release_lease().await {
        tracing::warn!(%error, "the lease was not given back; it runs out");
    }
    if let Err(error) = fleet.flush_presence().await {
        tracing::warn!(%error, "the last last-seen times were not stored");
    }
    if let Err(error) = fleet.flush_query_costs().await {
        tracing::warn!(%error, "the last costs of queries were not stored");
    }
    if let Err(error) = fleet.flush_token_uses().await {
        tracing::warn!(%error, "the last uses of API tokens were not stored");
    }
}

/// Runs every task once, in order, whoever has the lease: for tests, where time moves by hand.
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
    fleet.ship_activities().await?;
    fleet.ship_answers().await?;
    fleet.prune_activities().await?;
    fleet.purge_events().await?;
    fleet.update_reports().await?;
    fleet.prune_reports().await?;
    fleet.prune_policy_history().await?;
    fleet.prune_credentials().await?;
    fleet.flush_presence().await?;
    fleet.flush_query_costs().await?;
    fleet.prune_query_costs().await?;
    fleet.tell_statuses().await?;
    fleet.expire_hosts().await?;
    fleet.expire_campaigns().await
}

/// Runs a task at its interval, for ever.
async fn repeat(task: &Task, fleet: &Fleet) {
    let mut health = Health::new(task.name);
    let mut ticks = ticks(task);
    loop {
        ticks.tick().await;
        health.observe(run_in_time(task, fleet, PATIENCE).await);
    }
}

/// As [`repeat`], while this server has the lease.
async fn repeat_with_lease(task: &Task, fleet: &Fleet) {
    let mut health = Health::new(task.name);
    let mut ticks = ticks(task);
    loop {
        ticks.tick().await;
        fleet.until_it_keeps_house().await;
        health.observe(run_in_time(task, fleet, PATIENCE_IN_THE_HOUSE).await);
    }
}

/// Runs a task, and gives up what takes too long, or waits for a database that says nothing.
async fn run_in_time(task: &Task, fleet: &Fleet, patience: Duration) -> Result<(), FleetError> {
    let ended = timeout(patience, fleet.unless_database_silent((task.run)(fleet))).await;
    ended.unwrap_or_else(|_| Err(fleet.waited_in_vain()))
}

fn ticks(task: &Task) -> Interval {
    let mut ticks = interval(task.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
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
        let ended = if failed { "failed" } else { "done" };
        metrics::counter!("muster_task_runs_total", "task" => self.task, "ended" => ended).increment(1);
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
