//! Following a campaign: one viewer's stream of batches, each event once and in order.

use std::sync::Arc;

use entity::id::PublicId;
use entity::kind::CampaignStatus;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::event::KnownEvent;
use super::feed::{Feed, Look};
use super::{BatchOptions, Campaign, Event, EventBatch, cursor};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{self, Action, Actor, Denied, Scope};
use crate::store::campaign_events::{self, Span};

/// Bytes of events in a batch at most; one event always goes.
const BATCH_BYTES: usize = 512 << 10;

impl Fleet {
    /// Follows a campaign from its beginning, or after a cursor: first what is stored, then live, each event once
    /// and in order. The first batch comes at once; the stream ends after the final batch.
    ///
    /// # Errors
    /// Before the stream: denied, not found, invalid or expired cursor, unavailable. In it: denied, once the actor's
    /// access was ended; expired; unavailable.
    pub async fn follow_campaign(
        &self,
        actor: &Actor,
        id: &PublicId,
        after: Option<&str>,
        options: BatchOptions,
    ) -> Result<impl Stream<Item = Result<EventBatch, FleetError>> + Send + use<>, FleetError> {
        let campaign = self.visible_campaign(actor, id).await?;
        let position = self.open_cursor(&campaign, after)?;
        self.note_reader(actor, &campaign).await?;
        let feed = self.feed(campaign.id).await?;
        let viewer = Viewer {
            fleet: self.clone(),
            actor: actor.clone(),
            head: feed.watch(),
            feed,
            campaign,
            position,
            options,
            is_first: true,
            is_done: false,
        };
        Ok(stream::try_unfold(viewer, Viewer::step))
    }
}

/// One viewer of a campaign.
struct Viewer {
    fleet: Fleet,
    actor: Actor,
    feed: Arc<Feed>,
    head: watch::Receiver<i64>,
    campaign: Campaign,
    /// Everything up to here was delivered, or is not for this viewer.
    position: i64,
    options: BatchOptions,
    is_first: bool,
    is_done: bool,
}

impl Viewer {
    async fn step(mut self) -> Result<Option<(EventBatch, Self)>, FleetError> {
        if self.is_done {
            return Ok(None);
        }
        let scope = self.scope().await?;
        let mut found = Found::default();
        let mut until = None;
        loop {
            self.note_lag();
            self.read_on(&scope, &mut found).await?;
            if self.is_first || found.is_full || self.is_at_the_end() {
                break;
            }
            if found.events.is_empty() {
                self.changed().await?;
                continue;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + self.options.max_delay);
            if timeout_at(until, self.changed()).await.is_err() {
                break;
            }
        }
        if self.campaign.status != CampaignStatus::Running {
            self.fleet.check_kept(self.campaign.id).await?;
        }
        Ok(Some((self.batch(&scope, &found.events), self)))
    }

    /// Notes how far it is behind what is known here.
    #[expect(clippy::cast_precision_loss, reason = "a histogram takes doubles; a lag is far below 2^53")]
    fn note_lag(&mut self) {
        let behind = *self.head.borrow_and_update() - self.position;
        metrics::histogram!("muster_viewer_lag_events").record(behind.max(0) as f64);
    }

    /// What the viewer may see now: roles may have changed since the stream began.
    async fn scope(&mut self) -> Result<Scope, FleetError> {
        let current = self.fleet.refresh_actor(&self.actor).await?;
        self.actor = current.ok_or(Denied::Unauthenticated)?;
        Ok(policy::allow(&self.actor, Action::ReadCampaigns, None)?)
    }

    /// Adds the next visible events, as many as fit; moves the position past what was read.
    async fn read_on(&mut self, scope: &Scope, found: &mut Found) -> Result<(), FleetError> {
        while !found.is_full {
            let room = self.options.max_size - found.events.len();
            let (events, read_to) = match self.feed.look(self.position, room) {
                Look::UpToDate => break,
                Look::Ring(events) => (events, None),
                Look::Behind(known_to) => self.read_store(scope, known_to, room).await?,
            };
            for event in events {
                let position = event.position;
                if event.is_visible(scope) && !found.add(event, self.options.max_size) {
                    return Ok(());
                }
                self.position = position;
            }
            self.position = read_to.unwrap_or(self.position);
        }
        Ok(())
    }

    async fn read_store(
        &self,
        scope: &Scope,
        known_to: i64,
        room: usize,
    ) -> Result<(Vec<KnownEvent>, Option<i64>), FleetError> {
        let span = Span {
            campaign: self.campaign.id,
            after: self.position,
            up_to: known_to,
            host: None,
            limit: u64::try_from(room).unwrap_or(u64::MAX),
            max_bytes: BATCH_BYTES,
        };
        let read = campaign_events::read(self.fleet.store.reader(), scope, span).await?;
        let events: Result<Vec<_>, _> = read.events.into_iter().map(KnownEvent::read).collect();
        Ok((events?, Some(read.read_to)))
    }

    async fn changed(&mut self) -> Result<(), FleetError> {
        self.head.changed().await.map_err(|_| FleetError::NotFound("campaign"))
    }

    fn is_at_the_end(&self) -> bool {
        let (status, _) = self.feed.summary(&Scope::system());
        status != CampaignStatus::Running && self.position >= self.feed.known_to()
    }

    fn batch(&mut self, scope: &Scope, found: &[KnownEvent]) -> EventBatch {
        self.is_first = false;
        self.is_done = self.is_at_the_end();
        let (status, totals) = self.feed.summary(scope);
        let keys = &self.fleet.keys;
        let show = |event: &KnownEvent| -> Event {
            event.shown(cursor::seal(keys, self.campaign.id, event.position), totals)
        };
        EventBatch {
            events: found.iter().map(show).collect(),
            end_cursor: cursor::seal(keys, self.campaign.id, self.position),
            totals,
            status,
            is_final: self.is_done,
        }
    }
}

/// Events found for one batch.
#[derive(Default)]
struct Found {
    events: Vec<KnownEvent>,
    bytes: usize,
    is_full: bool,
}

impl Found {
    /// Adds an event if it fits; the first one always does.
    fn add(&mut self, event: KnownEvent, max_size: usize) -> bool {
        if !self.events.is_empty() && self.bytes + event.size > BATCH_BYTES {
            self.is_full = true;
            return false;
        }
        self.bytes += event.size;
        self.events.push(event);
        self.is_full = self.events.len() >= max_size;
        true
    }
}
