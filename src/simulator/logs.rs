//! The logs of a simulated host: lines are kept until the server has accepted them.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::wire::Log;

/// The pause after the n-th failure is n² times this.
const PERIOD: Duration = Duration::from_secs(4);

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_hours(1);

/// Lines that are kept; beyond, the oldest are lost, as in osquery.
const MAX_LINES: usize = 1_000;

/// Lines of one log that wait for the server.
pub(super) struct Outbox {
    pub(super) log: Log,
    lines: Vec<Value>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Outbox {
    /// Without lines.
    pub(super) fn new(log: Log) -> Self {
        Self { log, lines: Vec::new(), failures: 0, not_before: None }
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: Value) {
        self.lines.push(line);
        if self.lines.len() > MAX_LINES {
            self.lines.remove(0);
        }
    }

    /// The lines to send now; none while it waits after a failure.
    pub(super) fn due(&self, now: Instant) -> Option<&[Value]> {
        let waits = self.not_before.is_some_and(|time| now < time);
        (!waits && !self.lines.is_empty()).then_some(&self.lines)
    }

    /// The lines were accepted: forgets them, and says how many they were.
    pub(super) fn accepted(&mut self) -> usize {
        (self.failures, self.not_before) = (0, None);
        std::mem::take(&mut self.lines).len()
    }

    /// The lines were not accepted: keeps them for later.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let pause = PERIOD.saturating_mul(self.failures.saturating_mul(self.failures)).min(MAX_PAUSE);
        self.not_before = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_stay_until_they_are_accepted() {
        let now = Instant::now();
        let mut outbox = Outbox::new(Log::Status);
        assert_eq!(outbox.due(now), None);
        outbox.push(json!(1));
        outbox.failed(now);
        outbox.failed(now);
        outbox.push(json!(2));
        assert_eq!(outbox.due(now + Duration::from_secs(15)), None);
        assert_eq!(outbox.due(now + Duration::from_secs(16)).map(<[Value]>::len), Some(2));
        assert_eq!(outbox.accepted(), 2);
        assert_eq!(outbox.due(now), None);
    }

    #[test]
    fn the_oldest_lines_are_lost_first() {
        let mut outbox = Outbox::new(Log::Result);
        (0..=MAX_LINES).for_each(|number| outbox.push(json!(number)));
        let lines = outbox.due(Instant::now()).unwrap_or_default();
        assert_eq!((lines.len(), &lines[0]), (MAX_LINES, &json!(1)));
    }
}
