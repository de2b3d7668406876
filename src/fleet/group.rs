//! The group writer: what many agents bring is stored in one transaction, and each of them is thanked after its commit.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::FleetError;
use crate::store::StoreError;

/// Pause between two tries of a transaction.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What is stored in groups, and how.
pub(super) trait Grouped: Sync {
    /// What an agent waits to be thanked for.
    type Piece: Clone + Send + Sync;
    /// What a transaction did.
    type Done: Send;

    /// The histogram of how long a transaction took.
    const SECONDS: &'static str;

    /// How large a group is, and how long it may take.
    fn bounds(&self) -> Bounds;

    /// The size of a piece.
    fn bytes(piece: &Self::Piece) -> usize;

    /// Stores pieces in one transaction.
    fn commit(&self, pieces: &[Self::Piece]) -> impl Future<Output = Result<Self::Done, StoreError>> + Send;

    /// Counts and tells what was committed, before the agents are thanked.
    fn committed(&self, pieces: &[Self::Piece], done: Self::Done) -> impl Future<Output = ()> + Send;

    /// Notes that a transaction failed, and not for the data.
    fn failed(&self, error: &StoreError);

    /// What to store instead of a piece that the database blames; none to leave it out, and thank its agent.
    fn instead(&self, piece: &Self::Piece, error: &StoreError) -> Option<Self::Piece>;
}

/// How large a group is, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Pieces at most.
    pub(super) pieces: usize,
    /// Bytes at most, unless one piece alone is larger.
    pub(super) bytes: usize,
    /// How long the first piece waits for others.
    pub(super) delay: Duration,
    /// How long a transaction may take, with all its tries.
    pub(super) deadline: Duration,
}

/// A piece on its way to the store.
pub(super) struct Waiting<P> {
    piece: P,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Where pieces wait for their writer.
pub(super) struct Queue<P> {
    sender: mpsc::Sender<Waiting<P>>,
    /// Taken by the writer when it starts.
    receiver: Mutex<Option<mpsc::Receiver<Waiting<P>>>>,
}

/// What comes when a piece is durable, or can never be.
pub(super) struct Thanks {
    done: oneshot::Receiver<Result<(), StoreError>>,
    deadline: Instant,
}

impl<P> Queue<P> {
    /// A queue for so many pieces; beyond that agents wait.
    pub(super) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// Queues a piece for an agent that waits until `deadline`.
    ///
    /// # Errors
    /// Unavailable: the agent must send it again.
    pub(super) async fn put(&self, piece: P, deadline: Instant) -> Result<Thanks, FleetError> {
        let (sender, done) = oneshot::channel();
        let sent = timeout_at(deadline, self.sender.send(Waiting { piece, done: sender })).await;
        sent.map_err(|_| late())?.map_err(|_| late())?;
        Ok(Thanks { done, deadline })
    }

    /// The end that the writer reads; none when it was taken before.
    pub(super) fn take(&self) -> Option<mpsc::Receiver<Waiting<P>>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How many pieces wait.
    pub(super) fn waiting(&self) -> u64 {
        (self.sender.max_capacity() - self.sender.capacity()) as u64
    }
}

impl Thanks {
    /// Waits for them.
    ///
    /// # Errors
    /// Unavailable: the agent must send it again.
    pub(super) async fn wait(self) -> Result<(), FleetError> {
        timeout_at(self.deadline, self.done).await.map_err(|_| late())?.map_err(|_| late())??;
        Ok(())
    }
}

/// The loop of a writer; ends when `shutdown` is called and the queue is empty.
pub(super) async fn write<G: Grouped>(
    kind: G,
    mut queue: mpsc::Receiver<Waiting<G::Piece>>,
    shutdown: CancellationToken,
) {
    loop {
        let first = tokio::select! {
            biased;
            first = queue.recv() => first,
            () = shutdown.cancelled() => queue.try_recv().ok(),
        };
        let Some(first) = first else { return };
        let group = gather(&kind, first, &mut queue).await;
        // A fault of ours with one group must not end the writer: its agents are not thanked, and send it again.
        if AssertUnwindSafe(commit(&kind, group)).catch_unwind().await.is_err() {
            error!(writer = G::SECONDS, "a writer panicked; agents keep what was in one group");
        }
    }
}

/// Collects a group: until it is large enough, or its first piece has waited long enough.
async fn gather<G: Grouped>(
    kind: &G,
    first: Waiting<G::Piece>,
    queue: &mut mpsc::Receiver<Waiting<G::Piece>>,
) -> Vec<Waiting<G::Piece>> {
    let bounds = kind.bounds();
    let until = Instant::now() + bounds.delay;
    let mut bytes = G::bytes(&first.piece);
    let mut group = vec![first];
    while group.len() < bounds.pieces && bytes < bounds.bytes {
        match timeout_at(until, queue.recv()).await {
            Ok(Some(next)) => {
                bytes += G::bytes(&next.piece);
                group.push(next);
            }
            Ok(None) | Err(_) => break,
        }
    }
    group
}

/// Commits a group. What the database blames on the data is bisected, each half a new transaction, until the culprit
/// stands alone.
async fn commit<G: Grouped>(kind: &G, group: Vec<Waiting<G::Piece>>) {
    let mut parts = vec![group];
    while let Some(mut part) = parts.pop() {
        match commit_in_time(kind, &mut part).await {
            Ok(()) => thank(part, &Ok(())),
            Err(error) if !error.blames_data() => thank(part, &Err(error)),
            Err(error) if part.len() == 1 => parts.extend(replace(kind, part, &error)),
            Err(_) => {
                let second = part.split_off(part.len() / 2);
                parts.extend([second, part]);
            }
        }
    }
}

/// Tries a transaction until it commits, the data is to blame, or its time is over. That is its own time, and not what
/// is left to the agent that waits longest: under load that would cut every transaction, and none would be stored.
async fn commit_in_time<G: Grouped>(kind: &G, group: &mut Vec<Waiting<G::Piece>>) -> Result<(), StoreError> {
    let deadline = Instant::now() + kind.bounds().deadline;
    loop {
        // Whose agent waits no longer comes again, and must not take the time of the others.
        group.retain(|waiting| !waiting.done.is_closed());
        if group.is_empty() {
            return Ok(());
        }
        let pieces: Vec<_> = group.iter().map(|waiting| waiting.piece.clone()).collect();
        let begun = Instant::now();
        let tried = timeout_at(deadline, kind.commit(&pieces)).await;
        metrics::histogram!(G::SECONDS).record(begun.elapsed());
        let error = match tried.unwrap_or(Err(StoreError::Late)) {
            Ok(done) => {
                kind.committed(&pieces, done).await;
                return Ok(());
            }
            Err(error) if error.blames_data() => return Err(error),
            Err(error) => error,
        };
        kind.failed(&error);
        if Instant::now() + RETRY_PAUSE >= deadline {
            return Err(error);
        }
        sleep(RETRY_PAUSE).await;
    }
}

/// What is stored instead of what the database does not take; who brought what is left out is thanked.
fn replace<G: Grouped>(
    kind: &G,
    part: Vec<Waiting<G::Piece>>,
    error: &StoreError,
) -> Option<Vec<Waiting<G::Piece>>> {
    let mut replaced = Vec::with_capacity(part.len());
    for waiting in part {
        match kind.instead(&waiting.piece, error) {
            Some(piece) => replaced.push(Waiting { piece, ..waiting }),
            None => thank(vec![waiting], &Ok(())),
        }
    }
    (!replaced.is_empty()).then_some(replaced)
}

/// Tells the agents of a group how it went; who has hung up meanwhile will send it again.
fn thank<P>(group: Vec<Waiting<P>>, outcome: &Result<(), StoreError>) {
    for waiting in group {
        drop(waiting.done.send(outcome.clone()));
    }
}

fn late() -> FleetError {
    FleetError::Unavailable(StoreError::Late)
}

#[cfg(test)]
mod tests;
