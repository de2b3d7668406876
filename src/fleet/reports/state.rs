//! The latest rows of a query on a host, made of its log lines.
//!
//! Lines come at least once, and a run's lines may come in several batches. A run that says everything (counter 0)
//! begins anew; what is older than that run, or than the last one that was seen, was seen before.

use hashlink::LinkedHashSet;
use serde_json::value::RawValue;

use super::line::{Line, Says};

/// How much of a report is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// Rows at most; beyond, the oldest go.
    pub(super) rows: usize,
    /// Bytes of rows at most.
    pub(super) bytes: usize,
}

/// The latest rows, and how far its lines were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) epoch: i64,
    pub(super) counter: i64,
    /// Time of the run that said everything; none before there was a line.
    pub(super) baseline: Option<i64>,
    /// Time of the last line.
    pub(super) last: i64,
    /// A run that said everything was seen.
    pub(super) is_complete: bool,
    /// Rows that are there and not kept.
    pub(super) dropped: i64,
    pub(super) rows: Rows,
}

/// Rows in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// The oldest first.
    texts: LinkedHashSet<String>,
    bytes: usize,
}

impl State {
    /// The state of a stored report, but for its rows.
    pub(super) fn with_rows(mut self, text: &[u8]) -> Self {
        let rows: Vec<&RawValue> = serde_json::from_slice(text).unwrap_or_default();
        for row in rows {
            self.rows.insert(row.get().to_owned());
        }
        self
    }

    /// Applies a line; false when it was seen before.
    pub(super) fn apply(&mut self, line: Line, caps: Caps) -> bool {
        let Line { time, epoch, counter, says, .. } = line;
        match says {
            Says::All(rows) => {
                if self.baseline.is_some() && time < self.last {
                    return false;
                }
                self.begin(time, epoch, 0);
                for row in rows {
                    self.add(row, caps);
                }
            }
            Says::OneOfAll(row) => {
                if self.baseline.is_some() && time < self.last {
                    return false;
                }
                if self.baseline != Some(time) || self.epoch != epoch {
                    self.begin(time, epoch, 0);
                }
                self.add(row, caps);
            }
            Says::Changed { removed, added } => {
                if !self.takes(time, epoch, counter) {
                    return false;
                }
                for row in &removed {
                    self.remove(row);
                }
                for row in added {
                    self.add(row, caps);
                }
            }
        }
        self.last = self.last.max(time);
        true
    }

    /// Whether a run's changes are to be applied; begins anew where it says everything, or where what was before it is
    /// not known.
    fn takes(&mut self, time: i64, epoch: i64, counter: i64) -> bool {
        let Some(baseline) = self.baseline else {
            self.begin(time, epoch, counter);
            return true;
        };
        if counter == 0 {
            if epoch == self.epoch && time == baseline {
                return self.counter == 0;
            }
            if time <= baseline || time < self.last {
                return false;
            }
            self.begin(time, epoch, 0);
            return true;
        }
        if time < baseline {
            return false;
        }
        if epoch != self.epoch {
            if time < self.last {
                return false;
            }
            self.begin(time, epoch, counter);
            return true;
        }
        let is_new = counter >= self.counter;
        self.counter = self.counter.max(counter);
        is_new
    }

    /// Forgets what was before a run.
    fn begin(&mut self, time: i64, epoch: i64, counter: i64) {
        let is_complete = counter == 0;
        *self = Self { epoch, counter, baseline: Some(time), last: time, is_complete, ..Self::default() };
    }

    fn add(&mut self, row: String, caps: Caps) {
        self.rows.insert(row);
        while self.rows.texts.len() > caps.rows || self.rows.bytes > caps.bytes {
            self.rows.remove_oldest();
            self.dropped += 1;
        }
    }

    fn remove(&mut self, row: &str) {
        // One that is not kept was dropped, if any was.
        if !self.rows.remove(row) && self.dropped > 0 {
            self.dropped -= 1;
        }
    }

    /// How many rows are kept.
    pub(super) fn row_count(&self) -> usize {
        self.rows.texts.len()
    }

    /// The rows as a JSON array, oldest first.
    pub(super) fn text(&self) -> Vec<u8> {
        let rows: Vec<&str> = self.rows.texts.iter().map(String::as_str).collect();
        format!("[{}]", rows.join(",")).into_bytes()
    }
}

impl Rows {
    /// Adds a row; one that is there keeps its place.
    fn insert(&mut self, row: String) {
        let bytes = row.len() + 1;
        if self.texts.replace(row).is_none() {
            self.bytes += bytes;
        }
    }

    fn remove(&mut self, row: &str) -> bool {
        let was_there = self.texts.remove(row);
        if was_there {
            self.bytes -= row.len() + 1;
        }
        was_there
    }

    fn remove_oldest(&mut self) {
        if let Some(row) = self.texts.pop_front() {
            self.bytes -= row.len() + 1;
        }
    }
}

#[cfg(test)]
mod tests;
