//! What texts hold, whatever their form: the things of this fleet by name, not yet looked up, each value with its
//! place.

use super::node::{Member, Node};
use super::place::{At, Place};

/// Everything that an import holds, in the order of the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Labels.
    pub labels: Vec<Label>,
    /// Layers of configuration: at most one a team and platform, and one a team and name.
    pub layers: Vec<Layer>,
    /// Saved queries that are in no pack.
    pub queries: Vec<Query>,
    /// Packs with their queries.
    pub packs: Vec<Pack>,
    /// Policies.
    pub policies: Vec<Policy>,
}

/// The name of the team that something belongs to; none for global.
pub type TeamName = Option<At<String>>;

/// A saved query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its team; that of its pack for one in a pack.
    pub team: TeamName,
    /// Name.
    pub name: At<String>,
    /// SQL.
    pub sql: At<Sql>,
    /// Purpose.
    pub description: Option<String>,
    /// Observers may run it live.
    pub observer_can_run: bool,
    /// When and where it runs on its own.
    pub schedule: Option<Schedule>,
}

/// The SQL of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sql {
    /// As it is written.
    Text(String),
    /// That of the saved query of this name, which the texts do not hold.
    Named(String),
}

/// When and where a query runs on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Seconds between two runs.
    pub interval_s: At<i64>,
    /// What is logged.
    pub logging: Logging,
    /// Where it runs.
    pub conditions: Conditions,
    /// An agent that dies while it runs it does not run it again for a day.
    pub denylist: bool,
    /// Its results are not kept as reports.
    pub discard_data: bool,
    /// Its results are shipped to destinations.
    pub automations: bool,
}

/// What is logged of the runs of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logging {
    /// Every row of every run.
    Snapshot,
    /// Rows that came and rows that went.
    Differential,
    /// Rows that came.
    DifferentialIgnoreRemovals,
}

impl Logging {
    /// The words, as Fleet has them.
    pub const WORDS: [(Self, &str); 3] = [
        (Self::Snapshot, "snapshot"),
        (Self::Differential, "differential"),
        (Self::DifferentialIgnoreRemovals, "differential_ignore_removals"),
    ];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(logging, _)| *logging == self).map_or("", |(_, word)| word)
    }

    /// What a word says.
    pub(super) fn of(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| word.eq_ignore_ascii_case(text)).map(|(logging, _)| *logging)
    }
}

/// Where a scheduled query or a pack runs; what is empty is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Platforms with commas.
    pub platform: Option<At<String>>,
    /// Least osquery version.
    pub min_osquery_version: Option<At<String>>,
    /// Percent of the hosts.
    pub shard: Option<At<i64>>,
    /// Names of labels: a host must have one of these.
    pub include_any: Vec<At<String>>,
    /// Names of labels: a host must have none of these.
    pub exclude_any: Vec<At<String>>,
}

/// A pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Its team.
    pub team: TeamName,
    /// Name.
    pub name: At<String>,
    /// Purpose.
    pub description: Option<String>,
    /// Where it runs.
    pub conditions: Conditions,
    /// SQL that must all return a row on a host where it runs.
    pub discovery: Vec<At<String>>,
    /// Hosts are given it.
    pub enabled: bool,
    /// Its queries.
    pub queries: Vec<Query>,
}

/// A layer of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The team whose hosts it is for.
    pub team: TeamName,
    /// The platform whose hosts it is for; none for every one.
    pub platform: Option<At<String>>,
    /// The labels whose hosts it is for; none for a layer that does not ask for labels.
    pub for_labels: Option<ForLabels>,
    /// The document, an object.
    pub document: Node,
}

/// What makes a layer one for hosts with labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForLabels {
    /// Name, unique in its team.
    pub name: At<String>,
    /// Of two, the one with more is laid over the other; none for what is usual.
    pub priority: Option<At<i64>>,
    /// Names of labels: a host must have one of these.
    pub include_any: Vec<At<String>>,
    /// Names of labels: a host must have none of these.
    pub exclude_any: Vec<At<String>>,
}

impl Layer {
    /// The members of the document.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        self.document.members().unwrap_or_default()
    }

    /// The place of what a path of members names (`options.verbose`), or of what is nearest to it.
    #[must_use]
    pub fn place_of(&self, path: &str) -> &Place {
        self.document.place_of(path)
    }
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its team.
    pub team: TeamName,
    /// Name.
    pub name: At<String>,
    /// Purpose.
    pub description: Option<String>,
    /// Platforms of the hosts that are asked.
    pub platform: Option<At<String>>,
    /// Which hosts have it.
    pub membership: Membership,
}

/// Which hosts have a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Those where this SQL returns a row.
    Dynamic(At<String>),
    /// These, by identifier, hostname, serial or hardware UUID.
    Manual(Vec<At<String>>),
}

/// A policy: a yes/no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its team.
    pub team: TeamName,
    /// Name.
    pub name: At<String>,
    /// SQL that returns a row on a host that passes.
    pub sql: At<String>,
    /// Purpose.
    pub description: Option<String>,
    /// What to do about a host that fails.
    pub resolution: Option<String>,
    /// Its failures weigh more.
    pub critical: bool,
    /// Where it is asked.
    pub conditions: Conditions,
}
