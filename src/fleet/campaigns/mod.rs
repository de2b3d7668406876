//! Campaigns: live queries over many hosts, their answers durable, ordered and resumable.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
pub use entity::campaigns::Model as Campaign;
use entity::id::{CampaignId, HostId, PublicId, SavedQueryId};
pub use entity::kind::{CampaignStatus, HostErrorCode};
use futures_util::Stream;

use super::hosts::{HostFilter, Page, PageRequest};
use super::roster::KnownHost;
use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::Actor;

/// Board, answer writer and feeds of this server.
pub struct Engine {}

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

/// Which campaigns are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignFilter {
    /// States; none for any.
    pub statuses: Option<Vec<CampaignStatus>>,
    /// Runs of this saved query.
    pub saved_query: Option<SavedQueryId>,
    /// Part of the name or SQL.
    pub search: Option<String>,
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

impl Fleet {
    /// How many hosts a campaign with these targets would reach.
    ///
    /// # Errors
    /// Denied; rejected (`targets…`); unavailable.
    pub async fn preview_targets(
        &self,
        _actor: &Actor,
        _targets: &Targets,
    ) -> Result<TargetPreview, FleetError> {
        todo!("owner: campaigns")
    }

    /// Starts a campaign.
    ///
    /// # Errors
    /// Denied; rejected (`source.sql`, `source.savedQueryId`, `targets…`, `expiresInSeconds`, `idempotencyKey`);
    /// unavailable.
    pub async fn start_campaign(
        &self,
        _actor: &Actor,
        _new: NewCampaign,
        _idempotency_key: Option<&str>,
    ) -> Result<Campaign, FleetError> {
        todo!("owner: campaigns")
    }

    /// Stops a campaign; one that has ended stays as it ended.
    ///
    /// # Errors
    /// Denied; rejected (`campaignId`); unavailable.
    pub async fn stop_campaign(&self, _actor: &Actor, _id: &PublicId) -> Result<Campaign, FleetError> {
        todo!("owner: campaigns")
    }

    /// Visible campaigns by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Campaign>, FleetError> {
        todo!("owner: campaigns")
    }

    /// Visible campaigns by inside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns_by_ids(
        &self,
        _actor: &Actor,
        _ids: &[CampaignId],
    ) -> Result<HashMap<CampaignId, Campaign>, FleetError> {
        todo!("owner: campaigns")
    }

    /// A page of visible campaigns, newest first.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns(
        &self,
        _actor: &Actor,
        _filter: &CampaignFilter,
        _page: PageRequest,
    ) -> Result<Page<Campaign>, FleetError> {
        todo!("owner: campaigns")
    }

    /// How many visible campaigns match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_campaigns(&self, _actor: &Actor, _filter: &CampaignFilter) -> Result<u64, FleetError> {
        todo!("owner: campaigns")
    }

    /// Counters of campaigns, of the hosts the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaign_totals(
        &self,
        _actor: &Actor,
        _ids: &[CampaignId],
    ) -> Result<HashMap<CampaignId, Totals>, FleetError> {
        todo!("owner: campaigns")
    }

    /// Outstanding targets that are online now and that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn online_outstanding(&self, _actor: &Actor, _id: CampaignId) -> Result<u64, FleetError> {
        todo!("owner: campaigns")
    }

    /// The cursor of the newest event.
    #[must_use]
    pub fn latest_cursor(&self, _campaign: &Campaign) -> String {
        todo!("owner: campaigns")
    }

    /// A page of a campaign's events after a cursor; `host` keeps those of one host. Ends at 4 MiB, with at least
    /// one event.
    ///
    /// # Errors
    /// Denied; invalid or expired cursor; unavailable.
    pub async fn campaign_events(
        &self,
        _actor: &Actor,
        _campaign: &Campaign,
        _host: Option<&PublicId>,
        _after: Option<&str>,
        _limit: u64,
    ) -> Result<EventPage, FleetError> {
        todo!("owner: campaigns")
    }

    /// A page of a campaign's targets by host id; `search` is a prefix of the host name.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaign_targets(
        &self,
        _actor: &Actor,
        _campaign: &Campaign,
        _states: Option<&[TargetState]>,
        _search: Option<&str>,
        _page: PageRequest,
    ) -> Result<Page<Target>, FleetError> {
        todo!("owner: campaigns")
    }

    /// How many targets match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_campaign_targets(
        &self,
        _actor: &Actor,
        _campaign: &Campaign,
        _states: Option<&[TargetState]>,
        _search: Option<&str>,
    ) -> Result<u64, FleetError> {
        todo!("owner: campaigns")
    }

    /// A page of a host's answers, newest campaign first; only those given in a team that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn answers_of_host(
        &self,
        _actor: &Actor,
        _host: HostId,
        _page: PageRequest,
    ) -> Result<Page<HostAnswer>, FleetError> {
        todo!("owner: campaigns")
    }

    /// Follows a campaign from its beginning, or after a cursor: first what is stored, then live, each event once
    /// and in order. The first batch comes at once; the stream ends after the final batch.
    ///
    /// # Errors
    /// Before the stream: denied, not found, invalid or expired cursor, unavailable. In it: expired, unavailable.
    pub async fn follow_campaign(
        &self,
        _actor: &Actor,
        _id: &PublicId,
        _after: Option<&str>,
        _options: BatchOptions,
    ) -> Result<impl Stream<Item = Result<EventBatch, FleetError>> + Send + use<>, FleetError> {
        Err::<futures_util::stream::Empty<_>, _>(FleetError::NotFound("campaign"))
    }

    /// Stores what a host answered, and returns when it is durable or can never be: what is unknown, ended, not
    /// asked or a duplicate is dropped.
    ///
    /// # Errors
    /// Unavailable: the agent must send it again.
    pub async fn accept_answers(&self, _host: &KnownHost, _answers: Vec<Answer>) -> Result<(), FleetError> {
        todo!("owner: campaigns")
    }

    /// The campaigns that were last offered to a host: for a body too large to be read.
    #[must_use]
    pub fn last_offered(&self, _host: &KnownHost) -> Vec<CampaignId> {
        todo!("owner: campaigns")
    }

    /// Ends the campaigns whose time is over. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn expire_campaigns(&self) -> Result<(), FleetError> {
        todo!("owner: campaigns")
    }

    /// Loads running campaigns onto the board, newest first; called once after the server listens.
    ///
    /// # Errors
    /// Unavailable; called again until it succeeds.
    pub async fn load_board(&self) -> Result<(), FleetError> {
        todo!("owner: campaigns")
    }
}
