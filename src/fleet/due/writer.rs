//! The writer of what was due: the reports of all hosts are stored in groups, and agents are thanked after the commit.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::warn;

use super::record::{self, HostNews};
use super::{DueAnswer, DueKind};
use crate::fleet::group::{Bounds, Grouped};
use crate::fleet::roster::KnownHost;
use crate::fleet::{Fleet, FleetError};
use crate::store::{StoreError, changes};

/// Reports that may wait for the writer; beyond that agents wait.
pub(super) const QUEUE: usize = 1_024;

/// Reports in one transaction at most: one has a dozen answers or more.
const GROUP: usize = 128;

/// What one write of a host says of what was due.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct Report {
    /// The host.
    pub(in crate::fleet) host: Arc<KnownHost>,
    /// Its answers.
    pub(in crate::fleet) answers: Vec<DueAnswer>,
    /// The kinds whose round ends with it, and whether all of the kind was answered rather than what is new.
    pub(in crate::fleet) ends: Vec<(DueKind, bool)>,
}

/// The writer of reports.
pub(in crate::fleet) struct Reporting(pub(in crate::fleet) Fleet);

impl Fleet {
    /// Stores what a host answered to what was due, and returns when it is durable or can never be.
    ///
    /// # Errors
    /// Unavailable: the agent must send it again.
    pub async fn accept_due(&self, host: &Arc<KnownHost>, answers: Vec<DueAnswer>) -> Result<(), FleetError> {
        if answers.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + self.settings.answer_deadline;
        let ends = self.rounds_ended_by(host, &answers).await?;
        let report = Arc::new(Report { host: Arc::clone(host), answers, ends });
        self.due.queue.put(Arc::clone(&report), deadline).await?.wait().await?;
        let now = self.clock.now();
        for (kind, is_whole) in &report.ends {
            host.rounds.ended(*kind, *is_whole, now);
        }
        Ok(())
    }

    async fn commit_reports(&self, reports: &[Arc<Report>]) -> Result<HostNews, StoreError> {
        let now = self.clock.now();
        let reports: Vec<&Report> = reports.iter().map(|report| &**report).collect();
        let tx = self.store.begin().await?;
        let news = record::reports(&tx, now, &self.due.lists.load_full(), &reports).await?;
        changes::record_all(&tx, &news.changes(), &news.policy_changes()).await?;
        tx.commit().await?;
        Ok(news)
    }

    /// Which rounds these answers end.
    async fn rounds_ended_by(
        &self,
        host: &KnownHost,
        answers: &[DueAnswer],
    ) -> Result<Vec<(DueKind, bool)>, FleetError> {
        let lists = self.due.lists.load_full();
        let kinds: Vec<DueKind> = answers.iter().map(|answer| answer.kind).collect();
        let labels = self.labels_due(host, &lists, &kinds).await?;
        let mut ends = Vec::new();
        for kind in DueKind::ALL {
            let of_kind = answers.iter().filter(|answer| answer.kind == kind);
            let keys: Vec<&str> = of_kind.map(|answer| answer.key.as_str()).collect();
            let fits = |item: &super::DueItem| item.is_for(host.platform, host.team, &labels);
            let ended = host.rounds.ends_with(kind, &lists.0[kind as usize], fits, &keys);
            ends.extend(ended.map(|is_whole| (kind, is_whole)));
        }
        Ok(ends)
    }
}

impl Grouped for Reporting {
    type Piece = Arc<Report>;
    type Done = HostNews;

    const SECONDS: &'static str = "muster_due_commit_seconds";

    fn bounds(&self) -> Bounds {
        let settings = &self.0.settings;
        Bounds {
            pieces: GROUP,
            bytes: settings.group_bytes,
            delay: settings.group_delay,
            deadline: settings.answer_deadline,
        }
    }

    fn bytes(report: &Arc<Report>) -> usize {
        report.answers.iter().map(|answer| answer.outcome.bytes()).sum()
    }

    async fn commit(&self, reports: &[Arc<Report>]) -> Result<HostNews, StoreError> {
        self.0.store.unless_silent(Box::pin(self.0.commit_reports(reports))).await
    }

    async fn committed(&self, reports: &[Arc<Report>], news: HostNews) {
        count(reports);
        if news != HostNews::default() {
            self.0.announce().await;
        }
    }

    fn failed(&self, error: &StoreError) {
        self.0.store.suspect_if_late(error);
        metrics::counter!("muster_due_commit_failures_total").increment(1);
    }

    /// What the database does not take is left out, and asked again when it is due again.
    fn instead(&self, report: &Arc<Report>, error: &StoreError) -> Option<Arc<Report>> {
        warn!(host.id = report.host.id.0, error = error as &dyn std::error::Error, "vitals were dropped");
        None
    }
}

/// Counts what one transaction held.
#[expect(clippy::cast_precision_loss, reason = "a group has few reports")]
fn count(reports: &[Arc<Report>]) {
    metrics::histogram!("muster_due_group_hosts").record(reports.len() as f64);
    for answer in reports.iter().flat_map(|report| &report.answers) {
        let outcome = if answer.failure().is_some() { "failed" } else { "rows" };
        metrics::counter!("muster_due_answers_total", "kind" => answer.kind.as_str(), "outcome" => outcome)
            .increment(1);
    }
}
