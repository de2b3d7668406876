//! The answer writer: groups the answers of all hosts into one transaction, and thanks them after its commit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::book::Caps;
use super::record::{self, Given, Recorded};
use super::{Answer, HostErrorCode, HostFailure, Outcome};
use crate::fleet::roster::KnownHost;
use crate::fleet::{Fleet, FleetError};
use crate::store::{StoreError, changes};

/// Answers that may wait for the writer; beyond that agents wait.
pub(super) const QUEUE: usize = 4_096;

/// Pause between two tries of a transaction.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// An answer on its way to the store.
pub(super) struct Waiting {
    given: Given,
    bytes: usize,
    deadline: Instant,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Fleet {
    /// Stores what a host answered, and returns when it is durable or can never be: what is unknown, ended, not
    /// asked or a duplicate is dropped.
    ///
    /// # Errors
    /// Unavailable: the agent must send it again.
    pub async fn accept_answers(&self, host: &KnownHost, answers: Vec<Answer>) -> Result<(), FleetError> {
        let deadline = Instant::now() + self.settings.answer_deadline;
        let mut thanks = Vec::with_capacity(answers.len());
        for answer in answers {
            let (done, thank) = oneshot::channel();
            let waiting = Waiting::new(host, answer, deadline, done);
            let sent = timeout_at(deadline, self.campaigns.queue.send(waiting)).await;
            sent.map_err(|_| late())?.map_err(|_| late())?;
            thanks.push(thank);
        }
        for thank in thanks {
            timeout_at(deadline, thank).await.map_err(|_| late())?.map_err(|_| late())??;
        }
        Ok(())
    }

    /// The loop of the answer writer; ends when `shutdown` is called and the queue is empty.
    pub(super) async fn write_answers(
        &self,
        mut queue: mpsc::Receiver<Waiting>,
        shutdown: CancellationToken,
    ) {
        loop {
            let first = tokio::select! {
                biased;
                first = queue.recv() => first,
                () = shutdown.cancelled() => queue.try_recv().ok(),
            };
            let Some(first) = first else { return };
            let group = self.gather(first, &mut queue).await;
            // A fault of ours with one group must not end the writer: its agents are not thanked, and send it again.
            if AssertUnwindSafe(self.commit(group)).catch_unwind().await.is_err() {
                error!("the answer writer panicked; agents keep the answers of one group");
            }
        }
    }

    /// Collects a group: until it is large enough, or its first answer has waited long enough.
    async fn gather(&self, first: Waiting, queue: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
        let until = Instant::now() + self.settings.group_delay;
        let mut bytes = first.bytes;
        let mut group = vec![first];
        while group.len() < self.settings.group_answers && bytes < self.settings.group_bytes {
            match timeout_at(until, queue.recv()).await {
                Ok(Some(next)) => {
                    bytes += next.bytes;
                    group.push(next);
                }
                Ok(None) | Err(_) => break,
            }
        }
        group
    }

    /// Commits a group. What the database blames on the data is bisected, each half a new transaction; every other
    /// failure is tried again until the deadline of the group.
    async fn commit(&self, group: Vec<Waiting>) {
        let mut stack = vec![group];
        while let Some(group) = stack.pop() {
            let given: Vec<_> = group.iter().map(|waiting| waiting.given.clone()).collect();
            let deadline = group.iter().map(|waiting| waiting.deadline).min().unwrap_or_else(Instant::now);
            match self.commit_by(deadline, &given).await {
                Ok(()) => thank(group, &Ok(())),
                Err(error) if !error.blames_data() => thank(group, &Err(error)),
                Err(_) if group.len() == 1 => stack.extend(malformed(group)),
                Err(_) => {
                    let mut first = group;
                    let second = first.split_off(first.len() / 2);
                    stack.extend([second, first]);
                }
            }
        }
    }

    /// Tries a transaction until it commits, the deadline passes, or the data is to blame. While answers can't be
    /// committed the board offers nothing.
    async fn commit_by(&self, deadline: Instant, given: &[Given]) -> Result<(), StoreError> {
        loop {
            let begun = Instant::now();
            let tried = timeout_at(deadline, self.commit_once(given)).await;
            metrics::histogram!("muster_answer_commit_seconds").record(begun.elapsed());
            let error = match tried {
                Ok(Ok(recorded)) => {
                    self.note_commits_work();
                    count(given, &recorded);
                    self.tell(recorded).await;
                    return Ok(());
                }
                Ok(Err(error)) if error.blames_data() => return Err(error),
                Ok(Err(error)) => error,
                Err(_) => StoreError::Late,
            };
            self.note_commits_fail(&error);
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(error);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn commit_once(&self, given: &[Given]) -> Result<Recorded, StoreError> {
        let now = self.store.now().await?;
        let caps = Caps { rows: self.settings.max_campaign_rows, bytes: self.settings.max_campaign_bytes };
        let tx = self.store.begin().await?;
        let recorded = record::answers(&tx, &self.campaigns.targets, caps, now, given).await?;
        changes::record(&tx, &recorded.changes()).await?;
        tx.commit().await?;
        Ok(recorded)
    }

    /// Tries an empty transaction while answers can't be committed: the board offers nothing meanwhile, so that perhaps
    /// nobody would bring another answer to try with.
    pub(super) async fn try_commits(&self) -> Result<(), StoreError> {
        if !self.campaigns.commits_work() {
            self.store.begin().await?.commit().await?;
            self.note_commits_work();
        }
        Ok(())
    }

    fn note_commits_work(&self) {
        if self.campaigns.commits_fail.swap(false, Ordering::Relaxed) {
            info!("answers are committed again");
        }
    }

    fn note_commits_fail(&self, error: &StoreError) {
        metrics::counter!("muster_answer_commit_failures_total").increment(1);
        if !self.campaigns.commits_fail.swap(true, Ordering::Relaxed) {
            warn!(error = error as &dyn std::error::Error, "answers can't be committed; agents keep them");
        }
    }
}

/// Counts what one transaction did.
#[expect(clippy::cast_precision_loss, reason = "a group has few answers")]
fn count(given: &[Given], recorded: &Recorded) {
    let dropped = recorded.dropped.len() as u64;
    metrics::histogram!("muster_answer_group_answers").record(given.len() as f64);
    metrics::counter!("muster_answers_total", "outcome" => "dropped").increment(dropped);
    metrics::counter!("muster_answers_total", "outcome" => "recorded")
        .increment(given.len() as u64 - dropped);
}

impl Waiting {
    fn new(
        host: &KnownHost,
        answer: Answer,
        deadline: Instant,
        done: oneshot::Sender<Result<(), StoreError>>,
    ) -> Self {
        let bytes = match &answer.outcome {
            Outcome::Rows { chunks, .. } => chunks.iter().map(|chunk| chunk.json.len()).sum(),
            Outcome::Failed(failure) => failure.message.len(),
        };
        let given = Given {
            host: host.id,
            host_public_id: host.public_id.clone(),
            hostname: host.hostname.clone(),
            answer: Arc::new(answer),
        };
        Self { given, bytes, deadline, done }
    }
}

/// The answer that the database does not take, as a failure to be recorded instead; none when it is one already.
fn malformed(group: Vec<Waiting>) -> Option<Vec<Waiting>> {
    let failure = HostFailure {
        code: HostErrorCode::Malformed,
        message: "the database does not take this answer".into(),
    };
    let mut replaced = Vec::with_capacity(group.len());
    for mut waiting in group {
        let answer = &waiting.given.answer;
        if matches!(&answer.outcome, Outcome::Failed(known) if *known == failure) {
            thank(vec![waiting], &Ok(()));
            continue;
        }
        waiting.given.answer = Arc::new(Answer {
            campaign: answer.campaign,
            outcome: Outcome::Failed(failure.clone()),
            duration_ms: None,
        });
        replaced.push(waiting);
    }
    (!replaced.is_empty()).then_some(replaced)
}

/// Tells the agents of a group how it went; who has hung up meanwhile will send it again.
fn thank(group: Vec<Waiting>, outcome: &Result<(), StoreError>) {
    for waiting in group {
        drop(waiting.done.send(outcome.clone()));
    }
}

fn late() -> FleetError {
    FleetError::Unavailable(StoreError::Late)
}
