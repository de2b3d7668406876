//! The words of campaigns: what is asked for, what comes back, and in [`event`] how a viewer sees it.

mod event;

use std::time::Duration;

use bytes::Bytes;
use entity::id::{CampaignId, HostId, PublicId};
use entity::kind::HostErrorCode;

pub use event::{BatchOptions, Event, EventBatch, EventBody, EventPage, HostFailed, HostRows};

use crate::clock::Timestamp;
use crate::fleet::hosts::HostFilter;

/// Exactly one way to choose hosts, always within what the actor may run on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Targets {
    /// Every host.
    AllHosts,
    /// These, at most 1,000; one that is not visible refuses all.
    Hosts(Vec<PublicId>),
    /// All conditions met.
    Filter(HostFilter),
    /// Hosts of an earlier campaign by their state in it.
    Campaign {
        /// The campaign.
        id: PublicId,
        /// States to ask again.
        states: Vec<TargetState>,
    },
}

/// State of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum TargetState {
    /// Awaited.
    Pending,
    /// Answered with rows, perhaps none.
    Succeeded,
    /// Answered with an error.
    Failed,
}

/// Which targets of a campaign are wanted; an absent field is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TargetFilter {
    /// In one of these states.
    pub states: Option<Vec<TargetState>>,
    /// Prefix of the host name, ASCII letters in any case.
    pub search: Option<String>,
}

impl TargetFilter {
    /// Whether targets in this state are wanted.
    #[must_use]
    pub fn wants(&self, state: TargetState) -> bool {
        self.states.as_ref().is_none_or(|states| states.contains(&state))
    }
}

/// Where the SQL comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Source {
    /// A saved query.
    SavedQuery(PublicId),
    /// Typed now.
    Sql(String),
}

/// A campaign to start.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NewCampaign {
    /// What to run.
    pub source: Source,
    /// Where to run it.
    pub targets: Targets,
    /// Name to show.
    pub name: Option<String>,
    /// How long hosts may answer: 10 s to 30 days.
    pub expires_in: Duration,
}

/// Size of a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetPreview {
    /// Hosts selected.
    pub targeted: u64,
    /// Of them, online.
    pub online: u64,
    /// Hosts that match, that the actor sees, and may not run this on: they are left out.
    pub excluded: u64,
    /// More are selected than everybody may run on.
    pub exceeds_cap: bool,
}

/// Counters of a campaign, of the hosts a viewer may see: succeeded + failed = responded, responded + outstanding =
/// targeted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Hosts asked.
    pub targeted: i64,
    /// Hosts that answered with rows, perhaps none.
    pub succeeded: i64,
    /// Hosts that answered with an error.
    pub failed: i64,
    /// Rows kept.
    pub rows: i64,
    /// Rows dropped by a limit.
    pub rows_dropped: i64,
}

impl Totals {
    /// Hosts that answered.
    #[must_use]
    pub fn responded(&self) -> i64 {
        self.succeeded + self.failed
    }

    /// Hosts still awaited; after the end, hosts that never answered.
    #[must_use]
    pub fn outstanding(&self) -> i64 {
        self.targeted - self.responded()
    }
}

/// One host of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Inside id.
    pub host_id: HostId,
    /// Outside id, also when the host was deleted.
    pub host_public_id: PublicId,
    /// Host name as of the answer, or now.
    pub hostname: String,
    /// State.
    pub state: TargetState,
    /// When it answered.
    pub responded_at: Option<Timestamp>,
    /// Rows kept.
    pub rows: i64,
    /// Rows dropped by a limit.
    pub rows_dropped: i64,
    /// Why it failed.
    pub failure: Option<HostFailure>,
}

/// Why a host failed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HostFailure {
    /// For programs.
    pub code: HostErrorCode,
    /// osquery's message, cleaned and cut to 1 KiB.
    pub message: String,
}

/// One answer in the list of a host's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAnswer {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// How it went.
    pub target: Target,
}

/// What an agent brings for one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The campaign.
    pub campaign: CampaignId,
    /// Rows or a failure.
    pub outcome: Outcome,
    /// Time the query took, when reported.
    pub duration_ms: Option<i64>,
}

/// Rows or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rows, already cut to the limits of one answer and into chunks.
    Rows {
        /// Column names, in order of first appearance.
        columns: Vec<String>,
        /// JSON arrays of at most 1,000 rows or 256 KiB each; none for an empty answer.
        chunks: Vec<Chunk>,
        /// Rows that the limits of one answer dropped.
        rows_dropped: i64,
    },
    /// A failure.
    Failed(HostFailure),
}

impl Outcome {
    /// Bytes of its rows, or of its message.
    pub(in crate::fleet) fn bytes(&self) -> usize {
        match self {
            Self::Rows { chunks, .. } => chunks.iter().map(|chunk| chunk.json.len()).sum(),
            Self::Failed(failure) => failure.message.len(),
        }
    }
}

/// A chunk of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// A JSON array of objects, column to string or null, members in column order.
    pub json: Bytes,
    /// Rows in it.
    pub rows: i64,
}
