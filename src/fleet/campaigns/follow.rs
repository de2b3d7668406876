//! Following a campaign: one viewer's stream of batches, each event once and in order.

use std::sync::Arc;

use entity::id::PublicId;
use entity::kind::CampaignStatus;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::event::KnownEvent;
use super::feed::{Cut, Cuts, Feed, Look};
use super::{BatchOptions, Campaign, Event, EventBatch, SharedBatch, cursor};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{self, Action, Actor, Scope};
use crate::store::campaign_events::Span;

/// Bytes of events in a batch at most; one event always goes.
const BATCH_BYTES: usize = 512 << 10;

impl Fleet {
    /// Follows a campaign from its beginning, or after a cursor: first what is stored, then live, each event once
    /// and in order. The first batch comes at once; the stream ends after the final batch.
    ///
    /// Once the actor's access was ended the stream is silent: whoever delivers it looks at the credential and closes.
    ///
    /// # Errors
    /// Before the stream: denied, not found, invalid or expired cursor, unavailable. In it: expired; unavailable.
    pub async fn follow_campaign(
        &self,
        actor: &Actor,
        id: &PublicId,
        after: Option<&str>,
        options: BatchOptions,
    ) -> Result<impl Stream<Item = Result<Arc<SharedBatch>, FleetError>> + Send + use<>, FleetError> {
        let campaign = self.visible_campaign(actor, id).await?;
        let viewer = self.viewer(actor, campaign, after, options).await?;
        Ok(stream::try_unfold(viewer, Viewer::step))
    }

    /// A viewer of a campaign, before the first batch.
    pub(super) async fn viewer(
        &self,
        actor: &Actor,
        campaign: Campaign,
        after: Option<&str>,
        options: BatchOptions,
    ) -> Result<Viewer, FleetError> {
        let position = self.open_cursor(&campaign, after)?;
        self.note_reader(actor, &[&campaign]).await?;
        let feed = self.feed(campaign.id).await?;
        Ok(Viewer {
            fleet: self.clone(),
            actor: actor.clone(),
            head: feed.watch(),
            feed,
            campaign,
            position,
            up_to: None,
            options,
            with: None,
            is_first: true,
            is_done: false,
        })
    }
}

/// One viewer of a campaign.
pub(super) struct Viewer {
    fleet: Fleet,
    actor: Actor,
    feed: Arc<Feed>,
    head: watch::Receiver<i64>,
    campaign: Campaign,
    /// Everything up to here was delivered, or is not for this viewer.
    position: i64,
    /// Where the stream ends although the campaign may go on.
    up_to: Option<i64>,
    options: BatchOptions,
    /// The viewers who see the same, and the scope that they have in common.
    with: Option<(Scope, Arc<Cuts>)>,
    is_first: bool,
    is_done: bool,
}

impl Viewer {
    /// The same, with an end at this position.
    pub(super) fn up_to(self, position: i64) -> Self {
        Self { up_to: Some(position), ..self }
    }

    /// The next batch; none after the last one.
    pub(super) async fn step(mut self) -> Result<Option<(Arc<SharedBatch>, Self)>, FleetError> {
        if self.is_done {
            return Ok(None);
        }
        let mut scope = self.scope().await?;
        let batch = loop {
            let Some(allowed) = scope else { return std::future::pending().await };
            let before = self.position;
            let found = self.find(&allowed).await?;
            // While it waited, the roles may have changed.
            scope = self.scope().await?;
            if scope.as_ref() == Some(&allowed) {
                break self.cut(&allowed, &found);
            }
            self.position = before;
        };
        self.is_first = false;
        if self.campaign.status != CampaignStatus::Running {
            self.fleet.check_kept(self.campaign.id).await?;
        }
        Ok(Some((batch, self)))
    }

    /// Waits for what makes a batch.
    async fn find(&mut self, scope: &Scope) -> Result<Found, FleetError> {
        let cuts = self.cuts(scope);
        let mut found = Found::default();
        let mut until = None;
        loop {
            self.note_lag();
            self.read_on(scope, &mut found).await?;
            let is_cut = found.first().is_some_and(|first| cuts.at(first).is_some());
            if is_cut || self.is_first || found.is_full || self.is_at_the_end() {
                return Ok(found);
            }
            if found.events.is_empty() {
                self.changed().await?;
                continue;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + self.options.max_delay);
            if timeout_at(until, self.changed()).await.is_err() {
                return Ok(found);
            }
        }
    }

    /// Notes how far it is behind what is known here.
    #[expect(clippy::cast_precision_loss, reason = "a histogram takes doubles; a lag is far below 2^53")]
    fn note_lag(&mut self) {
        let behind = *self.head.borrow_and_update() - self.position;
        metrics::histogram!("muster_viewer_lag_events").record(behind.max(0) as f64);
    }

    /// What the viewer may see now: roles may have changed since the stream began. None once access was ended.
    async fn scope(&mut self) -> Result<Option<Scope>, FleetError> {
        let Some(current) = self.fleet.refresh_actor(&self.actor).await? else { return Ok(None) };
        self.actor = current;
        Ok(policy::allow(&self.actor, Action::ReadCampaigns, None).ok())
    }

    /// The batches that are shared with others of this scope; a viewer with an end of its own is alone.
    fn cuts(&mut self, scope: &Scope) -> Arc<Cuts> {
        if self.up_to.is_some() {
            return Arc::default();
        }
        match &self.with {
            Some((known, cuts)) if known == scope => Arc::clone(cuts),
            _ => {
                let cuts = self.feed.cuts(scope, self.options);
                self.with = Some((scope.clone(), Arc::clone(&cuts)));
                cuts
            }
        }
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
                if self.up_to.is_some_and(|end| position > end) {
                    return Ok(());
                }
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
        let found = self.fleet.events_of(&self.campaign.public_id, scope, span).await?;
        Ok((found.events, Some(found.read_to)))
    }

    async fn changed(&mut self) -> Result<(), FleetError> {
        self.head.changed().await.map_err(|_| FleetError::NotFound("campaign"))
    }

    fn is_at_the_end(&self) -> bool {
        if self.up_to.is_some_and(|end| self.position >= end) {
            return true;
        }
        let (status, _) = self.feed.summary(&Scope::system());
        status != CampaignStatus::Running && self.position >= self.feed.known_to()
    }

    /// The batch that begins with what was found: one that another viewer cut, or a new one for all who see the same.
    fn cut(&mut self, scope: &Scope, found: &Found) -> Arc<SharedBatch> {
        let cuts = self.cuts(scope);
        if let Some(cut) = found.first().and_then(|first| cuts.at(first)) {
            return self.take(cut);
        }
        self.is_done = self.is_at_the_end();
        let batch = self.batch(scope, &found.events);
        // Two handles are this viewer's own: the one kept, and the one in use.
        let is_alone = Arc::strong_count(&cuts) <= 2;
        match found.first() {
            Some(first) if !is_alone => {
                let batch = Arc::new(SharedBatch::among_many(batch));
                self.take(cuts.keep(Cut { first, to: self.position, bytes: found.bytes, batch }))
            }
            _ => Arc::new(SharedBatch::for_one(batch)),
        }
    }

    /// Goes on after a batch that some viewer cut.
    fn take(&mut self, cut: Cut) -> Arc<SharedBatch> {
        self.position = cut.to;
        self.is_done = cut.batch.batch.is_final;
        cut.batch
    }

    fn batch(&self, scope: &Scope, found: &[KnownEvent]) -> EventBatch {
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
    /// Position of the first event.
    fn first(&self) -> Option<i64> {
        self.events.first().map(|event| event.position)
    }

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
