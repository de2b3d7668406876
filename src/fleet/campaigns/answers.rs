//! The writer of answers: what all hosts answer is stored in groups, and agents are thanked after the commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use tracing::{info, warn};

use super::book::Caps;
use super::record::{self, Given, Recorded};
use super::{Answer, HostErrorCode, HostFailure, Outcome};
use crate::fleet::group::{Bounds, Grouped};
use crate::fleet::roster::KnownHost;
use crate::fleet::{Fleet, FleetError};
use crate::store::{StoreError, changes};

/// Answers that may wait for the writer; beyond that agents wait.
pub(super) const QUEUE: usize = 4_096;

/// The writer of answers.
pub(super) struct Answers(pub(super) Fleet);

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
            thanks.push(self.campaigns.queue.put(given(host, answer), deadline).await?);
        }
        for thank in thanks {
            thank.wait().await?;
        }
        Ok(())
    }

    async fn commit_answers(&self, given: &[Given]) -> Result<Recorded, StoreError> {
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
}

impl Grouped for Answers {
    type Piece = Given;
    type Done = Recorded;

    const SECONDS: &'static str = "muster_answer_commit_seconds";

    fn bounds(&self) -> Bounds {
        let settings = &self.0.settings;
        Bounds {
            pieces: settings.group_answers,
            bytes: settings.group_bytes,
            delay: settings.group_delay,
            deadline: settings.answer_deadline,
        }
    }

    fn bytes(given: &Given) -> usize {
        given.answer.outcome.bytes()
    }

    async fn commit(&self, given: &[Given]) -> Result<Recorded, StoreError> {
        self.0.store.unless_silent(Box::pin(self.0.commit_answers(given))).await
    }

    async fn committed(&self, given: &[Given], recorded: Recorded) {
        self.0.note_commits_work();
        count(given, &recorded);
        self.0.tell(recorded).await;
    }

    /// While answers can't be committed the board offers nothing.
    fn failed(&self, error: &StoreError) {
        let Self(fleet) = self;
        fleet.store.suspect_if_late(error);
        metrics::counter!("muster_answer_commit_failures_total").increment(1);
        if !fleet.campaigns.commits_fail.swap(true, Ordering::Relaxed) {
            warn!(error = error as &dyn std::error::Error, "answers can't be committed; agents keep them");
        }
    }

    /// A failure is recorded instead of what the database does not take; nothing if it was one already.
    fn instead(&self, given: &Given, _error: &StoreError) -> Option<Given> {
        let failure = HostFailure {
            code: HostErrorCode::Malformed,
            message: "the database does not take this answer".into(),
        };
        if matches!(&given.answer.outcome, Outcome::Failed(known) if *known == failure) {
            return None;
        }
        let campaign = given.answer.campaign;
        let answer = Answer { campaign, outcome: Outcome::Failed(failure), duration_ms: None };
        Some(Given { answer: Arc::new(answer), ..given.clone() })
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

/// An answer of a host.
fn given(host: &KnownHost, answer: Answer) -> Given {
    Given {
        host: host.id,
        host_public_id: host.public_id.clone(),
        hostname: host.hostname.clone(),
        answer: Arc::new(answer),
    }
}
