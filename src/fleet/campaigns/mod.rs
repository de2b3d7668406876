//! Campaigns: live queries over many hosts, their answers durable, ordered and resumable.

//!
//! In reading order: [`start`] freezes the [`targets`] in one transaction; [`board`] offers the SQL at check-ins;
//! [`answers`] groups what comes back, and [`record`] makes it durable, by the pure [`book`]; [`notice`] tells;
//! [`feed`] and [`follow`] bring the [`event`]s to viewers; [`end`] has the other ways a campaign ends;
//! [`dispatch`] keeps the memory of this server true; [`read`] and [`target_list`] answer questions.

mod start;
mod targets;
mod target_list;
mod board;
mod answers;
mod record;
mod book;
mod notice;
mod event;
mod cursor;
mod feed;
mod follow;
mod end;
mod dispatch;
mod read;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
pub use entity::campaigns::Model as Campaign;
use entity::id::{CampaignId, HostId, PublicId};
pub use entity::kind::{CampaignStatus, HostErrorCode};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::read::selection;
pub(crate) use self::record::Recorded;
use super::Fleet;
use super::check_in::Offer;
use super::hosts::HostFilter;
use super::roster::KnownHost;
use crate::clock::Timestamp;
pub use crate::store::campaigns::Filter as CampaignFilter;

/// Board, answer writer and feeds of this server.
pub struct Engine {
    board: board::Board,
    feeds: feed::Feeds,
    targets: record::TargetCache,
    queue: mpsc::Sender<answers::Waiting>,
    /// Taken by the writer when it starts.
    writer: Mutex<Option<mpsc::Receiver<answers::Waiting>>>,
    /// While answers can't be committed the board offers nothing.
    commits_fail: AtomicBool,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Default for Engine {
    fn default() -> Self {
        let (queue, writer) = mpsc::channel(answers::QUEUE);
        Self {
            board: board::Board::default(),
            feeds: feed::Feeds::default(),
            targets: record::TargetCache::default(),
            queue,
            writer: Mutex::new(Some(writer)),
            commits_fail: AtomicBool::new(false),
            tracker: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }
    }
}

impl Fleet {
    /// Starts the answer writer and the ears for what other servers tell; once a server.
    pub fn start_engine(&self) {
        let mut writer = self.campaigns.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = writer.take() else { return };
        let (tracker, shutdown) = (&self.campaigns.tracker, &self.campaigns.shutdown);
        let (fleet, token) = (self.clone(), shutdown.clone());
        tracker.spawn(async move { fleet.write_answers(queue, token).await });
        let (fleet, token) = (self.clone(), shutdown.clone());
        tracker.spawn(async move { fleet.hear_campaigns(token).await });
        tracker.spawn(self.clone().hear_changes(shutdown.clone()));
    }

    /// Stops them, once every answer in the queue is durable or refused; no agent waits any more.
    pub async fn stop_engine(&self) {
        self.campaigns.shutdown.cancel();
        self.campaigns.tracker.close();
        self.campaigns.tracker.wait().await;
    }

    /// What the host is asked now: at most 20 queries, oldest campaign first; nothing while answers can't be
    /// committed.
    #[must_use]
    pub fn offers(&self, host: &KnownHost) -> Vec<Offer> {
        if self.campaigns.commits_fail.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.campaigns.board.offers(host.id, self.settings.max_offers)
    }

    /// The campaigns that were last offered to a host and that it has not answered: for a body too large to be
    /// read.
    #[must_use]
    pub fn last_offered(&self, host: &KnownHost) -> Vec<CampaignId> {
        self.campaigns.board.last_offered(host.id)
    }
}

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

/// Something that happened in a campaign, as one viewer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Sealed position.
    pub cursor: String,
    /// Server time.
    pub occurred_at: Timestamp,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// A chunk of rows of one host.
    Rows(Arc<HostRows>),
    /// A host's failure.
    Failure(Arc<HostFailed>),
    /// The end.
    Ended {
        /// Final state.
        status: CampaignStatus,
        /// Final counters, of the hosts the viewer may see.
        totals: Totals,
    },
}

/// A chunk of rows of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRows {
    /// Inside id of the host.
    pub host_id: HostId,
    /// Outside id of the host.
    pub host_public_id: PublicId,
    /// Host name as of the answer.
    pub hostname: String,
    /// Column names, in order.
    pub columns: Vec<String>,
    /// The rows: a JSON array of objects, column to string or null, encoded once for all viewers.
    pub rows: Bytes,
    /// Chunk number from 0.
    pub chunk: i64,
    /// Whether it is the host's last chunk.
    pub is_last_chunk: bool,
    /// Rows that limits dropped from the host's answer, in its last chunk.
    pub rows_dropped: i64,
    /// Time the query took on the host.
    pub duration_ms: Option<i64>,
}

/// A host's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFailed {
    /// Inside id of the host.
    pub host_id: HostId,
    /// Outside id of the host.
    pub host_public_id: PublicId,
    /// Host name as of the answer.
    pub hostname: String,
    /// Why.
    pub failure: HostFailure,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// Events in order.
    pub events: Vec<Event>,
    /// Whether more follow now.
    pub more: bool,
    /// Cursor of the last event read, seen or not by the viewer; where to go on.
    pub end_cursor: String,
}

/// What one message to a viewer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    /// Events, oldest first; empty when only the counters are told.
    pub events: Vec<Event>,
    /// Resume position after this batch.
    pub end_cursor: String,
    /// Newest counters, never behind the rows shown.
    pub totals: Totals,
    /// Newest state.
    pub status: CampaignStatus,
    /// True in the last batch.
    pub is_final: bool,
}

/// How a viewer wants their batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    /// Events at most, 1 to 1,000.
    pub max_size: usize,
    /// How long events may be held back to fill a batch, 0 to 5 s.
    pub max_delay: Duration,
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

/// A chunk of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// A JSON array of objects, column to string or null, members in column order.
    pub json: Bytes,
    /// Rows in it.
    pub rows: i64,
}
