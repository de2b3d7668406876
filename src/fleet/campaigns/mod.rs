//! Campaigns: live queries over many hosts, their answers durable, ordered and resumable.
//!
//! In reading order: [`model`] has the words; [`start`] freezes the [`targets`] in one transaction; [`board`] offers the SQL at check-ins;
//! [`answers`] groups what comes back, and [`record`] makes it durable, by the pure [`book`]; [`notice`] tells, and [`recent`]
//! keeps what was told for other servers;
//! [`feed`] and [`follow`] bring the [`event`]s to viewers, [`shared`] among those who see the same; [`watch`] tells who
//! looks at all campaigns that one changed; [`export`] reads one to be taken away, [`ship`] brings all to log destinations; [`end`] has the other ways a campaign
//! ends; [`dispatch`] keeps the memory of this server true; [`retention`] removes what is old; [`read`], [`pages`] and [`target_list`] answer questions.

mod model;
mod start;
mod targets;
mod target_list;
mod board;
mod answers;
mod record;
mod book;
mod notice;
mod recent;
mod event;
mod cursor;
mod feed;
mod follow;
mod shared;
mod watch;
mod export;
mod ship;
mod end;
mod dispatch;
mod retention;
mod read;
mod pages;

use std::sync::atomic::{AtomicBool, Ordering};

pub use entity::campaigns::Model as Campaign;
use entity::id::CampaignId;
pub use entity::kind::{CampaignStatus, HostErrorCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[doc(hidden)]
pub use self::cursor::open as open_cursor;
pub use self::export::{Export, ExportRequest};
pub use self::model::{
    Answer, BatchOptions, Chunk, Event, EventBatch, EventBody, EventPage, HostAnswer, HostFailed,
    HostFailure, HostRows, NewCampaign, Outcome, Source, Target, TargetFilter, TargetPreview, TargetState,
    Targets, Totals,
};
pub use self::pages::EventsWanted;
pub use self::read::selection;
pub(crate) use self::record::Recorded;
pub use self::shared::{Rendering, SharedBatch};
use super::check_in::Offer;
use super::group::{self, Queue};
use super::roster::KnownHost;
use super::{Fleet, due};
pub use crate::store::campaigns::Filter as CampaignFilter;

/// Board, answer writer and feeds of this server.
pub struct Engine {
    board: board::Board,
    feeds: feed::Feeds,
    watchers: watch::Watchers,
    targets: record::TargetCache,
    queue: Queue<record::Given>,
    /// While answers can't be committed the board offers nothing.
    commits_fail: AtomicBool,
    /// While somebody has stopped all dispatch it offers nothing either.
    pub(super) dispatch_stopped: AtomicBool,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            board: board::Board::default(),
            feeds: feed::Feeds::default(),
            watchers: watch::Watchers::default(),
            targets: record::TargetCache::default(),
            queue: Queue::new(answers::QUEUE),
            commits_fail: AtomicBool::new(false),
            dispatch_stopped: AtomicBool::new(false),
            tracker: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }
    }
}

impl Engine {
    /// Whether answers could be committed last time.
    pub(in crate::fleet) fn commits_work(&self) -> bool {
        !self.commits_fail.load(Ordering::Relaxed)
    }

    /// How many campaigns are on the board, and how many hosts they await, added up.
    pub(super) fn board_size(&self) -> (u64, u64) {
        self.board.size()
    }

    /// How many answers are in the queue of the answer writer.
    pub(super) fn answers_waiting(&self) -> u64 {
        self.queue.waiting()
    }

    /// How many streams are open here.
    pub(super) fn viewers(&self) -> u64 {
        self.feeds.viewers()
    }
}

impl Fleet {
    /// Starts the writers and the ears for what other servers tell; once a server.
    pub fn start_engine(&self) {
        let Some(queue) = self.campaigns.queue.take() else { return };
        let (tracker, shutdown) = (&self.campaigns.tracker, &self.campaigns.shutdown);
        tracker.spawn(group::write(answers::Answers(self.clone()), queue, shutdown.clone()));
        let (fleet, token) = (self.clone(), shutdown.clone());
        tracker.spawn(async move { fleet.hear_campaigns(token).await });
        tracker.spawn(self.clone().hear_changes(shutdown.clone()));
        if let Some(queue) = self.due.queue.take() {
            tracker.spawn(group::write(due::Reporting(self.clone()), queue, shutdown.clone()));
        }
    }

    /// Stops them, once every answer in the queue is durable or refused; no agent waits any more.
    pub async fn stop_engine(&self) {
        self.campaigns.shutdown.cancel();
        self.campaigns.tracker.close();
        self.campaigns.tracker.wait().await;
    }

    /// What the host is asked now: at most 20 queries, oldest campaign first; nothing while answers can't be
    /// committed, and while dispatch is stopped.
    #[must_use]
    pub fn offers(&self, host: &KnownHost) -> Vec<Offer> {
        let stopped = self.campaigns.dispatch_stopped.load(Ordering::Relaxed);
        let offers = if self.campaigns.commits_work() && !stopped {
            self.campaigns.board.offers(host.id, self.settings.max_offers)
        } else {
            Vec::new()
        };
        let result = if offers.is_empty() { "empty" } else { "queries" };
        metrics::counter!("muster_polls_total", "result" => result).increment(1);
        offers
    }

    /// The campaigns that were last offered to a host and that it has not answered: for a body too large to be
    /// read.
    #[must_use]
    pub fn last_offered(&self, host: &KnownHost) -> Vec<CampaignId> {
        self.campaigns.board.last_offered(host.id)
    }
}
