//! The group writer before a store that is slow, fails, blames the data, or panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::sqlx;
use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use tokio::sync::{Semaphore, mpsc::UnboundedReceiver, mpsc::UnboundedSender};
use tokio::task::JoinHandle;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

/// A store that stores numbers: a transaction tells what it was given, and waits for its turn. What it does not take is
/// 0; 13 makes it panic.
struct Numbers {
    begun: UnboundedSender<Vec<u32>>,
    turns: Arc<Semaphore>,
    /// Transactions that fail before one works.
    failures: AtomicUsize,
    deadline: Duration,
}

/// A writer of numbers under way.
struct Running {
    queue: Queue<u32>,
    begun: UnboundedReceiver<Vec<u32>>,
    turns: Arc<Semaphore>,
    shutdown: CancellationToken,
    writer: JoinHandle<()>,
}

impl Grouped for Numbers {
    type Piece = u32;
    type Done = ();

    const SECONDS: &'static str = "muster_test_seconds";

    fn bounds(&self) -> Bounds {
        Bounds { pieces: 8, bytes: 100, delay: Duration::from_millis(5), deadline: self.deadline }
    }

    fn bytes(_: &u32) -> usize {
        1
    }

    async fn commit(&self, numbers: &[u32]) -> Result<(), StoreError> {
        drop(self.begun.send(numbers.to_vec()));
        self.turns.acquire().await.expect("it is never closed").forget();
        assert!(!numbers.contains(&13), "a fault of ours");
        let failed =
            self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if failed.is_ok() {
            return Err(sqlx::Error::PoolTimedOut.into());
        }
        if numbers.contains(&0) { Err(refused()) } else { Ok(()) }
    }

    async fn committed(&self, _: &[u32], (): ()) {}

    fn failed(&self, error: &StoreError) {
        assert!(!error.blames_data(), "{error}");
    }

    fn instead(&self, number: &u32, error: &StoreError) -> Option<u32> {
        assert!(error.blames_data() && *number == 0, "{number} is no culprit: {error}");
        Some(99)
    }
}

impl Running {
    fn start(failures: usize, deadline: Duration) -> Self {
        let (sender, begun) = mpsc::unbounded_channel();
        let (queue, turns) = (Queue::new(64), Arc::new(Semaphore::new(0)));
        let shutdown = CancellationToken::new();
        let numbers =
            Numbers { begun: sender, turns: Arc::clone(&turns), failures: failures.into(), deadline };
        let receiver = queue.take().expect("nobody took it");
        let writer = tokio::spawn(write(numbers, receiver, shutdown.clone()));
        Self { queue, begun, turns, shutdown, writer }
    }

    async fn put(&self, number: u32) -> Thanks {
        self.queue.put(number, Instant::now() + HOUR).await.expect("there is room")
    }

    /// What the next transaction holds.
    async fn next(&mut self) -> Vec<u32> {
        self.begun.recv().await.expect("the writer lives")
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.writer.await.expect("no panic reaches it");
    }
}

/// What a database says of a row that it does not take.
fn refused() -> StoreError {
    sqlx::Error::Database(Box::new(Refusal)).into()
}

#[derive(Debug, thiserror::Error)]
#[error("not this")]
struct Refusal;

impl DatabaseError for Refusal {
    fn message(&self) -> &'static str {
        "not this"
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        // SQLITE_CONSTRAINT
        Some("19".into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::CheckViolation
    }
}

#[tokio::test]
async fn what_waited_behind_a_slow_database_is_stored_all_the_same() {
    let mut running = Running::start(0, HOUR);
    let first = running.put(1).await;
    assert_eq!(running.next().await, [1]);
    // These wait for as long as the database takes for the first: nearly all the time that their agents have.
    let (second, given_up) = (running.put(2).await, running.put(3).await);
    let third = running.put(4).await;
    drop(given_up);
    running.turns.add_permits(1);
    first.wait().await.expect("it is stored");
    assert_eq!(running.next().await, [2, 4], "whoever gave up is left out, and the others are one group");
    running.turns.add_permits(1);
    second.wait().await.expect("the group had its own time, however long its oldest piece had waited");
    third.wait().await.expect("it is stored");
    running.end().await;
}

#[tokio::test]
async fn a_transaction_that_fails_is_tried_again() {
    let mut running = Running::start(2, HOUR);
    let thanks = running.put(1).await;
    running.turns.add_permits(3);
    for _ in 0..3 {
        assert_eq!(running.next().await, [1]);
    }
    thanks.wait().await.expect("the third try works");
    running.end().await;
}

#[tokio::test]
async fn a_group_ends_with_its_time() {
    let mut running = Running::start(0, Duration::from_millis(10));
    let thanks = running.put(1).await;
    assert_eq!(running.next().await, [1]);
    // The database never answers.
    let error = thanks.wait().await.expect_err("nothing is acknowledged that is not durable");
    assert!(matches!(error, FleetError::Unavailable(StoreError::Late)), "{error:?}");
    running.end().await;
}

#[tokio::test]
async fn a_group_that_nobody_waits_for_is_given_up() {
    let mut running = Running::start(usize::MAX, HOUR);
    let thanks = running.put(1).await;
    assert_eq!(running.next().await, [1]);
    drop(thanks);
    running.turns.add_permits(100);
    // It would be tried for an hour.
    running.end().await;
}

#[tokio::test]
async fn a_culprit_is_found_and_replaced() {
    let mut running = Running::start(0, HOUR);
    running.turns.add_permits(100);
    let mut thanks = Vec::new();
    for number in [1, 2, 0, 4] {
        thanks.push(running.put(number).await);
    }
    for thank in thanks {
        thank.wait().await.expect("all are stored, one as something else");
    }
    let mut stored = Vec::new();
    while let Ok(numbers) = running.begun.try_recv() {
        stored.extend((!numbers.contains(&0)).then_some(numbers).into_iter().flatten());
    }
    stored.sort_unstable();
    assert_eq!(stored, [1, 2, 4, 99]);
    running.end().await;
}

#[tokio::test]
async fn a_panic_is_of_one_group() {
    let mut running = Running::start(0, HOUR);
    running.turns.add_permits(100);
    running.put(13).await.wait().await.expect_err("it is not stored");
    running.put(1).await.wait().await.expect("the writer goes on");
    assert_eq!((running.next().await, running.next().await), (vec![13], vec![1]));
    running.end().await;
}
