//! What a worker tells of itself: its state, its failures, how far it is behind.

use tokio::time::Instant;

use super::Worker;
use crate::destination::Failure;
use crate::destination::backoff::Backoff;
use crate::destination::status::State;

/// Characters of an error that are kept.
const MAX_ERROR: usize = 500;

impl Worker {
    /// Notes a failure, and when to try again.
    pub(super) fn wait_after(&mut self, failure: &Failure) {
        let batching = &self.definition.batching;
        let wait = match failure {
            Failure::Retry(_, after) => self.work.backoff.next(batching, *after),
            Failure::Refused(_) | Failure::Wrong(_) | Failure::Partly { .. } => Backoff::longest(batching),
        };
        self.work.due = Some(Instant::now() + wait);
        self.note(failure);
    }

    /// Tells of a failure: in the log when it begins, in the status each time.
    pub(super) fn note(&mut self, failure: &Failure) {
        let state = if matches!(failure, Failure::Retry(..)) { State::Retrying } else { State::Failed };
        let reason: String = failure.reason().chars().take(MAX_ERROR).collect();
        let name = self.definition.name.clone();
        metrics::counter!("muster_destination_failures_total", "destination" => name).increment(1);
        let before = self.status.read().state;
        if before != state {
            tracing::warn!(
                destination = self.definition.name,
                reason,
                "a log destination fails; it is tried again"
            );
        }
        let now = self.clock.now();
        self.status.change(|status| status.last_error = Some((reason, now)));
        if !self.is_paused {
            self.set(state);
        }
    }

    pub(super) fn set(&self, state: State) {
        let before = self.status.read().state;
        if state == State::Working && matches!(before, State::Retrying | State::Failed) {
            tracing::info!(destination = self.definition.name, "a log destination works again");
        }
        self.status.change(|status| status.state = state);
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double, exact up to 2^53")]
    pub(super) fn measure(&self) {
        let lag = self.reader.lag();
        let age = lag.since.map_or(0, |since| self.clock.now().0.saturating_sub(since.0).max(0));
        let name = self.definition.name.as_str();
        metrics::gauge!("muster_destination_lag_bytes", "destination" => name.to_owned())
            .set(lag.bytes as f64);
        metrics::gauge!("muster_destination_lag_seconds", "destination" => name.to_owned())
            .set(age as f64 / 1_000.0);
        let works = matches!(self.status.read().state, State::Working | State::Starting | State::Paused);
        metrics::gauge!("muster_destination_failing", "destination" => name.to_owned()).set(if works {
            0.0
        } else {
            1.0
        });
    }
}
