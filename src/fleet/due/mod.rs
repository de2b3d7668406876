//! What is due for a host: queries that Muster itself asks every host now and then, beside the campaigns of people.
//!
//! In reading order: [`source`] is the table of what can be due, a line a kind; [`round`] remembers for each host, in
//! memory, how far it is with each kind; [`offer`] hands it out, after the campaigns and never before them; [`writer`]
//! groups what comes back, and [`record`] makes it durable, before the agent is thanked.

mod source;
mod round;
mod offer;
mod record;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use entity::id::{LabelId, TeamId};
pub use entity::kind::Platform;
use serde_json::value::RawValue;

pub use self::offer::Questions;
pub use self::record::HostNews;
pub(in crate::fleet) use self::record::Told;
pub use self::round::Rounds;
pub(in crate::fleet) use self::writer::{Report, Reporting};
use super::campaigns::Outcome;
use super::group::Queue;
use super::schedule::LabelScope;
use crate::clock::Timestamp;

/// What can be due. The order is the order in which it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DueKind {
    /// What the host is: its detail queries.
    Vital,
    /// Whether it belongs to a label.
    Label,
    /// Whether it passes a policy.
    Policy,
}

impl DueKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 3] = [Self::Vital, Self::Label, Self::Policy];

    /// The word in metrics, and the beginning of a query's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vital => "vital",
            Self::Label => "label",
            Self::Policy => "policy",
        }
    }
}

/// A query that is due again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueItem {
    /// What tells it apart within its kind, and orders it: ASCII letters, digits and `_`.
    pub key: Arc<str>,
    /// The SQL.
    pub sql: Arc<str>,
    /// The platforms that can answer it; empty for all.
    pub platforms: Vec<Platform>,
    /// The only team whose hosts are asked; none for every host.
    pub team: Option<TeamId>,
    /// Which labels a host must have; none when any host is asked.
    pub labels: LabelScope,
    /// When it was made or last changed: hosts that answered their kind before are asked this one soon.
    pub since: Timestamp,
}

impl DueItem {
    /// Whether a host of this platform and team that has these labels, in order, is asked.
    #[must_use]
    pub fn is_for(&self, platform: Platform, team: TeamId, labels: &[LabelId]) -> bool {
        (self.platforms.is_empty() || self.platforms.contains(&platform))
            && self.team.is_none_or(|own| own == team)
            && self.labels.meets(labels)
    }
}

/// A query that a host is asked because it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueOffer {
    /// Its kind.
    pub kind: DueKind,
    /// Its key within the kind.
    pub key: Arc<str>,
    /// Its SQL.
    pub sql: Arc<str>,
}

/// What a host answered to something that was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueAnswer {
    /// The kind.
    pub kind: DueKind,
    /// The key within the kind, as the host told it: perhaps of nothing.
    pub key: String,
    /// Rows or a failure.
    pub outcome: Outcome,
}

/// A row of an answer: text by column.
pub type Row = BTreeMap<String, String>;

impl DueAnswer {
    /// Its rows; none when it failed.
    #[must_use]
    pub fn rows(&self) -> Option<Vec<Row>> {
        let Outcome::Rows { chunks, .. } = &self.outcome else { return None };
        let mut rows = Vec::new();
        for chunk in chunks {
            // What is null or no text was made text, or stays null, where the answer was read.
            let read: Vec<BTreeMap<String, Option<String>>> = serde_json::from_slice(&chunk.json).ok()?;
            let text = |row: BTreeMap<String, Option<String>>| {
                row.into_iter().map(|(column, value)| (column, value.unwrap_or_default())).collect()
            };
            rows.extend(read.into_iter().map(text));
        }
        Some(rows)
    }

    /// How many rows it has; none when it failed.
    #[must_use]
    pub fn row_count(&self) -> Option<i64> {
        let Outcome::Rows { chunks, .. } = &self.outcome else { return None };
        Some(chunks.iter().map(|chunk| chunk.rows).sum())
    }

    /// Its rows as one JSON array; none when it failed.
    pub(in crate::fleet) fn json(&self) -> Option<String> {
        let Outcome::Rows { chunks, .. } = &self.outcome else { return None };
        let mut rows: Vec<Box<RawValue>> = Vec::new();
        for chunk in chunks {
            rows.extend(serde_json::from_slice::<Vec<Box<RawValue>>>(&chunk.json).ok()?);
        }
        serde_json::to_string(&rows).ok()
    }

    /// Why it failed; none when it did not.
    pub(in crate::fleet) fn failure(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Rows { .. } => None,
            Outcome::Failed(failure) => Some(&failure.message),
        }
    }
}

/// What is due on this server: the lists, and the queue of the writer.
pub struct Due {
    lists: ArcSwap<Lists>,
    pub(in crate::fleet) queue: Queue<Arc<Report>>,
}

/// The items of each kind, ordered by key.
#[derive(Clone, Debug, Default)]
pub(in crate::fleet) struct Lists([List; DueKind::ALL.len()]);

impl Lists {
    /// Whether an item of a kind has this key.
    fn has(&self, kind: DueKind, key: &str) -> bool {
        let items = &self.0[kind as usize].items;
        items.binary_search_by(|item| (*item.key).cmp(key)).is_ok()
    }
}

/// The items of one kind.
#[derive(Clone, Debug, Default)]
pub(in crate::fleet) struct List {
    /// How often each host is asked all of them; zero for never.
    every: Duration,
    /// Ordered by key.
    items: Vec<DueItem>,
    /// When the newest of them was made or changed.
    newest: Timestamp,
}

impl List {
    /// The items of a kind, asked this often.
    pub(in crate::fleet) fn new(every: Duration, mut items: Vec<DueItem>) -> Self {
        items.sort_by(|one, other| one.key.cmp(&other.key));
        let newest = items.iter().map(|item| item.since).max().unwrap_or_default();
        Self { every, items, newest }
    }

    /// Whether some item asks for labels.
    fn asks_for_labels(&self) -> bool {
        self.items.iter().any(|item| item.labels.labels().next().is_some())
    }

    fn is_off(&self) -> bool {
        self.every.is_zero() || self.items.is_empty()
    }
}

impl Default for Due {
    fn default() -> Self {
        Self { lists: ArcSwap::default(), queue: Queue::new(writer::QUEUE) }
    }
}
