//! The one shape of all workers: gather, deliver, decide what a failure means, go on.

mod attempt;
mod notes;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::dead_letters::DeadLetters;
use super::definition::Definition;
use super::envelope::Line;
use super::shipping::Replay;
use super::status::{Shared, State};
use super::withheld::{self, Withheld};
use super::{Destination, Failure, filter};
use crate::clock::Clock;
use crate::spool::{Position, Reader, SpoolError};

/// Longest that one delivery may take.
const DELIVERY: Duration = Duration::from_secs(30);
/// How often a worker looks that has nothing to do.
const IDLE: Duration = Duration::from_secs(10);
/// What a worker is told.
pub(super) enum Order {
    /// To stop shipping for now.
    Pause,
    /// To go on.
    Resume,
    /// To begin again at what came at or after a time, and to note that.
    Replay(Replay),
    /// To open its files again.
    Reopen,
    /// To send this line at once, whatever waits.
    Test(Box<Line>, oneshot::Sender<Result<(), String>>),
}

/// Ships to one destination.
pub(super) struct Worker {
    pub(super) definition: Definition,
    pub(super) destination: Box<dyn Destination>,
    pub(super) reader: Reader,
    pub(super) dead_letters: DeadLetters,
    pub(super) status: Shared,
    pub(super) clock: Clock,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) is_paused: bool,
    pub(super) work: Work,
    pub(super) withheld: Withheld,
}

/// What a worker has read and not delivered.
#[derive(Default)]
pub(super) struct Work {
    /// Lines that are delivered at once, each.
    deliveries: VecDeque<Vec<Line>>,
    /// Where the offset is when they are delivered.
    end: Option<Position>,
    /// Not before then.
    due: Option<Instant>,
    backoff: Backoff,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.end.is_none()
    }
}

impl Worker {
    /// Ships until it is stopped; a delivery under way is finished.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        if let Err(error) = self.reader.hold() {
            self.note(&Failure::retry(full(&error)));
        }
        self.check().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                () = ready(&mut self.reader, &self.work, &self.definition), if !self.is_paused => self.step().await,
            }
            self.measure();
        }
    }

    /// Looks whether the destination can be reached, so that a person sees at once what is wrong.
    async fn check(&mut self) {
        let outcome = timeout(DELIVERY, self.destination.check()).await;
        match outcome.unwrap_or_else(|_| Err(Failure::retry("it did not answer in time"))) {
            Ok(()) => self.set(if self.is_paused { State::Paused } else { State::Working }),
            Err(failure) => self.note(&failure),
        }
        self.measure();
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Pause => {
                self.is_paused = true;
                self.set(State::Paused);
            }
            Order::Resume => {
                self.is_paused = false;
                self.work.due = None;
                self.check().await;
            }
            Order::Replay(replay) => {
                self.work = Work::default();
                let begun = self.reader.replay(replay.from).await;
                // Noted behind it: who dies in between does it again.
                if let Err(error) = begun.and_then(|()| self.reader.note_replay(replay.number)) {
                    self.note(&Failure::retry(full(&error)));
                }
            }
            Order::Reopen => self.destination.reopen(),
            Order::Test(line, done) => {
                let outcome = self.deliver(&[*line]).await;
                // Who asked may be gone.
                let _gone = done.send(outcome.map_err(|failure| failure.reason().to_owned()));
            }
        }
    }

    /// One step: reads on, delivers once, or commits.
    async fn step(&mut self) {
        self.work.due = None;
        if self.work.is_empty() {
            self.gather().await;
        } else if let Some(lines) = self.work.deliveries.pop_front() {
            self.attempt(lines).await;
        }
        if self.work.deliveries.is_empty()
            && let Some(end) = self.work.end
        {
            self.commit(end).await;
        }
    }

    /// Reads batches, and cuts what is wanted of them into deliveries.
    async fn gather(&mut self) {
        let batching = &self.definition.batching;
        let mut batches = match self.reader.read(batching.max_bytes).await {
            Ok(batches) => batches,
            Err(error) => return self.wait_after(&Failure::retry(full(&error))),
        };
        if let Err(failure) = withheld::take_out(&self.withheld, &mut batches).await {
            self.reader.rewind();
            return self.wait_after(&failure);
        }
        let batching = &self.definition.batching;
        let mut delivery: Vec<Line> = Vec::new();
        let mut bytes = 0;
        for line in batches.iter().flat_map(|stored| filter::wanted(&self.definition, &stored.batch)) {
            let is_full =
                delivery.len() >= batching.max_lines || bytes + line.text.len() > batching.max_bytes;
            if is_full && !delivery.is_empty() {
                self.work.deliveries.push_back(std::mem::take(&mut delivery));
                bytes = 0;
            }
            bytes += line.text.len();
            delivery.push(line);
        }
        if !delivery.is_empty() {
            self.work.deliveries.push_back(delivery);
        }
        self.work.end = batches.last().map(|stored| stored.end);
    }

    async fn commit(&mut self, end: Position) {
        match self.reader.commit(end).await {
            Ok(()) => self.work.end = None,
            Err(error) => self.wait_after(&Failure::retry(full(&error))),
        }
    }
}

/// Waits until there is something to do: lines are due again, or enough have gathered.
async fn ready(reader: &mut Reader, work: &Work, definition: &Definition) {
    if let Some(due) = work.due {
        return sleep_until(due).await;
    }
    if !work.is_empty() {
        return;
    }
    // Nothing may come, and the spool still be that of a process that ends: look now and then.
    let _nothing = timeout(IDLE, reader.wait()).await;
    let batching = &definition.batching;
    if !batching.max_delay.is_zero() {
        let enough = reader.wait_for(batching.max_bytes as u64);
        // Else what has come until then.
        let _fewer = timeout(batching.max_delay, enough).await;
    }
}

/// An error with its cause.
fn full(error: &SpoolError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
