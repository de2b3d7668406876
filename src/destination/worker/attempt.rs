//! One delivery, and what a failure of it means.

use tokio::time::timeout;

use super::{DELIVERY, Worker};
use crate::destination::Failure;
use crate::destination::envelope::Line;
use crate::destination::status::State;

impl Worker {
    /// Delivers once, and decides what comes next.
    pub(super) async fn attempt(&mut self, mut lines: Vec<Line>) {
        let longest = self.destination.longest_line();
        let too_long: Vec<Line> = lines.extract_if(.., |line| line.text.len() > longest).collect();
        for (at, line) in too_long.iter().enumerate() {
            if !self.park(line, "the line is longer than the destination takes").await {
                lines.extend_from_slice(&too_long[at..]);
                return self.work.deliveries.push_front(lines);
            }
        }
        if lines.is_empty() {
            return;
        }
        match self.deliver(&lines).await {
            Ok(()) => self.delivered(lines.len()),
            Err(Failure::Refused(reason)) => self.refused(lines, &reason).await,
            Err(Failure::Partly { again, refused, reason }) => {
                self.partly(lines, (&again, &refused), reason).await;
            }
            Err(failure @ Failure::Retry(_, None)) if self.gives_up() => {
                self.refused(lines, failure.reason()).await;
            }
            Err(failure) => {
                self.work.deliveries.push_front(lines);
                self.wait_after(&failure);
            }
        }
    }

    /// Whether it has failed as often as it may.
    fn gives_up(&self) -> bool {
        self.definition.batching.max_tries.is_some_and(|most| self.work.backoff.failures() + 1 >= most)
    }

    pub(super) async fn deliver(&mut self, lines: &[Line]) -> Result<(), Failure> {
        let delivered = timeout(DELIVERY, self.destination.deliver(lines)).await;
        delivered.unwrap_or_else(|_| Err(Failure::retry("it did not answer in time")))
    }

    /// Halves what was refused until the culprit stands alone, and parks that.
    async fn refused(&mut self, mut lines: Vec<Line>, reason: &str) {
        if lines.len() > 1 {
            let behind = lines.split_off(lines.len() / 2);
            self.work.deliveries.push_front(behind);
            self.work.deliveries.push_front(lines);
        } else if let Some(line) = lines.first()
            && !self.park(line, reason).await
        {
            self.work.deliveries.push_front(lines);
        } else {
            self.work.backoff.reset();
        }
    }

    /// Parks those that were refused, and keeps those that are to come again.
    async fn partly(&mut self, lines: Vec<Line>, fates: (&[usize], &[(usize, String)]), reason: String) {
        let (again, refused) = fates;
        let mut kept: Vec<Line> = again.iter().filter_map(|at| lines.get(*at).cloned()).collect();
        let delivered = lines.len().saturating_sub(again.len() + refused.len());
        if delivered > 0 {
            self.delivered(delivered);
        }
        for (at, why) in refused {
            if let Some(line) = lines.get(*at)
                && !self.park(line, why).await
            {
                kept.push(line.clone());
            }
        }
        if !kept.is_empty() {
            self.work.deliveries.push_front(kept);
            self.wait_after(&Failure::Retry(reason, None));
        }
    }

    /// Writes a dead letter; whether it could.
    async fn park(&mut self, line: &Line, reason: &str) -> bool {
        let (letters, line, now) = (self.dead_letters.clone(), line.clone(), self.clock.now());
        let text = reason.to_owned();
        let parked = tokio::task::spawn_blocking(move || letters.park(&line, &text, now)).await;
        match parked.map_err(std::io::Error::other).flatten() {
            Ok(()) => {
                tracing::warn!(
                    destination = self.definition.name,
                    reason,
                    "a log line was parked as a dead letter"
                );
                metrics::counter!("muster_destination_parked_lines_total", "destination" => self.definition.name.clone())
                    .increment(1);
                self.status.change(|status| status.parked += 1);
                true
            }
            Err(error) => {
                self.wait_after(&Failure::retry(format!("a dead letter could not be written: {error}")));
                false
            }
        }
    }

    fn delivered(&mut self, lines: usize) {
        self.work.backoff.reset();
        let (lines, now) = (lines as u64, self.clock.now());
        let name = self.definition.name.clone();
        metrics::counter!("muster_destination_lines_total", "destination" => name).increment(lines);
        self.status.change(|status| {
            status.delivered += lines;
            status.delivered_at = Some(now);
        });
        self.set(State::Working);
    }
}
