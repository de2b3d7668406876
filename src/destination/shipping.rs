//! The workers of one server, one a destination: started, stopped and changed as their definitions say.

mod made;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use entity::id::PublicId;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::dead_letters::DeadLetters;
use super::definition::Definition;
use super::egress::Egress;
use super::status::{Shared, State, Status};
use super::withheld::Withheld;
use super::worker::{Order, Work, Worker};
use super::{Line, envelope};
use crate::clock::{Clock, Timestamp};
use crate::spool::{Batch, LogKind, Origin, Spool, SpoolError};

/// What the names of the readers of destinations begin with.
pub(super) const READERS: &str = "destination-";
/// Orders that wait for a worker at most.
const ORDERS: usize = 16;
/// How long a worker has to finish a delivery when it is stopped.
const PATIENCE: Duration = Duration::from_secs(5);

/// What workers stand on.
#[derive(Clone, Debug)]
pub struct ShippingSettings {
    /// What relative paths are relative to; dead letters are kept there too.
    pub data: PathBuf,
    /// Where connections may go.
    pub egress: Egress,
}

/// The workers of this server; a cheap handle.
#[derive(Clone)]
pub struct Shipping(Arc<Inner>);

struct Inner {
    spool: Spool,
    clock: Clock,
    settings: ShippingSettings,
    /// Told when other destinations may be wanted.
    changed: Notify,
    /// By name. Held while workers are started and stopped, by one at a time.
    running: Mutex<BTreeMap<String, Running>>,
}

/// A worker that runs.
struct Running {
    definition: Definition,
    orders: mpsc::Sender<Order>,
    status: Shared,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// The number of the last replay.
    replayed: u32,
}

/// A destination that there should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is.
    pub definition: Definition,
    /// Whether somebody paused it.
    pub is_paused: bool,
    /// The last time that somebody wanted lines again.
    pub replay: Option<Replay>,
}

/// That somebody wants lines again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Which time it is, from 1; done once on each server, if need be when it starts.
    pub number: u32,
    /// From when on lines are wanted.
    pub from: Timestamp,
}

impl Shipping {
    /// Without any worker yet.
    #[must_use]
    pub fn new(spool: Spool, clock: Clock, settings: ShippingSettings) -> Self {
        Self(Arc::new(Inner { spool, clock, settings, changed: Notify::new(), running: Mutex::default() }))
    }

    /// Makes the workers those that are wanted: what is new is started, what is gone is stopped and forgotten, what
    /// was changed is started anew at its offset, and what was paused or resumed is told.
    ///
    /// None of them ships what is `withheld`.
    ///
    /// # Errors
    /// When the offset of a destination can't be forgotten.
    pub async fn reconcile(&self, wanted: Vec<Wanted>, withheld: &Withheld) -> Result<(), SpoolError> {
        let mut running = self.0.running.lock().await;
        let is_same = |name: &str, worker: &Running| {
            wanted
                .iter()
                .any(|wanted| wanted.definition.name == name && wanted.definition == worker.definition)
        };
        let changed: Vec<Running> =
            running.extract_if(.., |name, worker| !is_same(name, worker)).map(|(_, r)| r).collect();
        for worker in changed {
            worker.stop().await;
        }
        let names: Vec<String> = wanted.iter().map(|wanted| wanted.definition.reader()).collect();
        for reader in self.0.spool.readers() {
            if reader.starts_with(READERS) && !names.contains(&reader) {
                self.0.spool.forget(&reader)?;
            }
        }
        for Wanted { definition, is_paused, replay } in wanted {
            if let Some(worker) = running.get_mut(&definition.name) {
                worker.pause(is_paused).await;
                worker.replay(replay).await;
            } else {
                let mut worker = self.start(definition, is_paused, replay, withheld)?;
                // It may have been wanted while this server was down.
                worker.replay(replay).await;
                running.insert(worker.definition.name.clone(), worker);
            }
        }
        Ok(())
    }

    fn start(
        &self,
        definition: Definition,
        is_paused: bool,
        replay: Option<Replay>,
        withheld: &Withheld,
    ) -> Result<Running, SpoolError> {
        let inner = &self.0;
        let (orders, queue) = mpsc::channel(ORDERS);
        let (status, stop) = (Shared::default(), CancellationToken::new());
        let reader = inner.spool.reader(&definition.reader())?;
        let replayed = if let Some(number) = reader.replayed()? {
            number
        } else {
            // Whoever never read has everything before it.
            let number = replay.map_or(0, |replay| replay.number);
            reader.note_replay(number)?;
            number
        };
        let dead_letters = inner.settings.data.join("dead-letters");
        let worker = Worker {
            destination: made::made(&definition.target, &inner.settings, &inner.clock),
            reader,
            dead_letters: DeadLetters::new(&dead_letters, &definition.name),
            status: status.clone(),
            clock: inner.clock.clone(),
            orders: queue,
            is_paused,
            work: Work::default(),
            withheld: Arc::clone(withheld),
            definition: definition.clone(),
        };
        let task = tokio::spawn(worker.run(stop.clone()));
        Ok(Running { definition, orders, status, stop, task, replayed })
    }

    /// How each destination is doing, by name.
    pub async fn statuses(&self) -> BTreeMap<String, Status> {
        let running = self.0.running.lock().await;
        let status = |(name, worker): (&String, &Running)| {
            let mut status = worker.status.read();
            if let Ok(reader) = self.0.spool.reader(&worker.definition.reader()) {
                status.lag = reader.lag();
            }
            (name.clone(), status)
        };
        running.iter().map(status).collect()
    }

    /// Whether there are workers.
    pub async fn is_running(&self) -> bool {
        !self.0.running.lock().await.is_empty()
    }

    /// Whether a destination wants lines of this kind.
    pub async fn wants(&self, kind: LogKind) -> bool {
        self.0.running.lock().await.values().any(|worker| worker.definition.kinds.contains(&kind))
    }

    /// Notes that other destinations may be wanted.
    pub fn note_change(&self) {
        self.0.changed.notify_one();
    }

    /// Waits for [`Shipping::note_change`].
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Has every destination open its files again.
    pub async fn reopen(&self) {
        for worker in self.0.running.lock().await.values() {
            // Who has stopped has no file open.
            let _stopped = worker.orders.send(Order::Reopen).await;
        }
    }

    /// Waits until every destination has what the spool has up to `position`.
    pub async fn delivered(&self, position: crate::spool::Position) {
        self.0.spool.passed(READERS, position).await;
    }

    /// Stops every worker; what is not delivered stays in the spool.
    pub async fn stop(&self) {
        let mut running = self.0.running.lock().await;
        for (_, worker) in std::mem::take(&mut *running) {
            worker.stop().await;
        }
    }

    /// Sends one marked line to a destination, whatever waits; none when there is no such destination here.
    pub async fn test(&self, name: &str) -> Option<Result<(), String>> {
        let (done, outcome) = oneshot::channel();
        let (orders, line) = {
            let running = self.0.running.lock().await;
            let worker = running.get(name)?;
            (worker.orders.clone(), self.marked(&worker.definition))
        };
        // Who has stopped answers nothing.
        let _stopped = orders.send(Order::Test(Box::new(line), done)).await;
        Some(outcome.await.unwrap_or_else(|_| Err("it was stopped".to_owned())))
    }

    /// A line that nobody takes for one of a host.
    fn marked(&self, definition: &Definition) -> Line {
        let now = self.0.clock.now();
        let name = serde_json::Value::from(definition.name.as_str());
        let text = format!("{{\"name\":\"muster_test\",\"destination\":{name},\"muster_test\":true}}\n");
        let batch = Batch {
            id: PublicId::new("bat", u128::from(now.0.unsigned_abs())),
            kind: definition.kinds.first().copied().unwrap_or(LogKind::Status),
            received_at: now,
            origin: Origin::default(),
            lines: text.into(),
        };
        envelope::lines(&batch).remove(0)
    }
}

impl Running {
    async fn pause(&self, is_paused: bool) {
        let was_paused = self.status.read().state == State::Paused;
        if is_paused != was_paused {
            let order = if is_paused { Order::Pause } else { Order::Resume };
            // Who has stopped begins anew with its definition.
            let _stopped = self.orders.send(order).await;
        }
    }

    async fn replay(&mut self, replay: Option<Replay>) {
        let Some(replay) = replay.filter(|replay| replay.number > self.replayed) else { return };
        self.replayed = replay.number;
        // Who has stopped begins anew with its definition.
        let _stopped = self.orders.send(Order::Replay(replay)).await;
    }

    async fn stop(self) {
        self.stop.cancel();
        let mut task = self.task;
        if timeout(PATIENCE, &mut task).await.is_err() {
            tracing::warn!(
                destination = self.definition.name,
                "a delivery was cut off; it is repeated later"
            );
            task.abort();
        }
    }
}
