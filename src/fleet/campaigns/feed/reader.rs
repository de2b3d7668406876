//! What a feed reads: where the campaign is when the first viewer comes, and what no notice brought. Events that a
//! notice told of are read where other servers keep recent ones, if they are there; everything else from the store.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use entity::id::{CampaignId, PublicId};
use tokio::sync::Notify;

use super::Feed;
use crate::fleet::campaigns::Campaign;
use crate::fleet::campaigns::event::KnownEvent;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::campaign_events::{self, Span};
use crate::store::campaign_teams::{self, TeamTotals};
use crate::store::{StoreError, campaigns};

/// Events read from the store at once.
const PAGE: u64 = 1_000;

/// Recent events read at once.
const RECENT: usize = 1_000;

/// Bytes read from the store at once.
const PAGE_BYTES: usize = 1 << 20;

impl Fleet {
    /// The feed of a campaign, loaded; the first viewer here makes it.
    pub(in crate::fleet::campaigns) async fn feed(&self, id: CampaignId) -> Result<Arc<Feed>, FleetError> {
        let (feed, is_new) = self.campaigns.feeds.find_or_insert(id, self.settings.ring_bytes);
        if is_new {
            self.campaigns.tracker.spawn(self.clone().keep_reading(Arc::downgrade(&feed), feed.bell.clone()));
        }
        feed.loaded.get_or_try_init(|| self.load(&feed)).await?;
        if std::mem::take(&mut feed.lock().missed) {
            feed.ring();
        }
        Ok(feed)
    }

    /// Reads where the campaign is now; the ring begins empty there.
    async fn load(&self, feed: &Feed) -> Result<PublicId, FleetError> {
        let (campaign, teams) = self.progress_of(feed.campaign).await?;
        let mut state = feed.lock();
        state.known_to = Some(campaign.last_position);
        state.status = Some(campaign.status);
        state.teams(teams);
        feed.announce(state);
        Ok(campaign.public_id)
    }

    /// Reads on whenever the bell rings, until the last viewer has left.
    async fn keep_reading(self, feed: Weak<Feed>, bell: Arc<Notify>) {
        loop {
            tokio::select! {
                () = bell.notified() => {}
                () = self.campaigns.shutdown.cancelled() => return,
            }
            let Some(feed) = feed.upgrade() else { return };
            if !feed.is_loaded() {
                continue;
            }
            let must_look = feed.look.swap(false, Ordering::SeqCst);
            let is_told = self.read_what_was_told(&feed).await;
            if (must_look || !is_told)
                && let Err(error) = self.catch_feed_up(&feed).await
            {
                tracing::warn!(
                    campaign.id = feed.campaign.0,
                    error = &error as &dyn std::error::Error,
                    "a campaign could not be read; the next second tries again"
                );
            }
        }
    }

    /// Reads the events that a notice told of where recent ones are kept; false when they are not all there.
    async fn read_what_was_told(&self, feed: &Feed) -> bool {
        let Some(told) = feed.lock().told.take() else { return false };
        let Some(log) = feed.loaded.get() else { return false };
        while feed.known_to() < told.to {
            let kept = self.recent_events(log, feed.campaign, feed.known_to(), told.to, RECENT).await;
            if kept.is_empty() {
                return false;
            }
            let mut state = feed.lock();
            state.push(kept, feed.ring_bytes);
            feed.announce(state);
        }
        let mut state = feed.lock();
        state.teams(told.teams().collect());
        if state.known_to == Some(told.to) {
            state.status = Some(told.status);
        }
        feed.announce(state);
        true
    }

    /// Reads the store from where the feed is: events first, then totals.
    async fn catch_feed_up(&self, feed: &Feed) -> Result<(), FleetError> {
        loop {
            let (campaign, teams) = self.progress_of(feed.campaign).await?;
            let after = feed.known_to();
            if after < campaign.last_position {
                self.read_into(feed, after, campaign.last_position).await?;
            }
            let mut state = feed.lock();
            state.teams(teams);
            let done = state.known_to >= Some(campaign.last_position);
            if done {
                state.status = Some(campaign.status);
            }
            feed.announce(state);
            if done {
                return Ok(());
            }
        }
    }

    async fn read_into(&self, feed: &Feed, after: i64, up_to: i64) -> Result<(), FleetError> {
        let span =
            Span { campaign: feed.campaign, after, up_to, host: None, limit: PAGE, max_bytes: PAGE_BYTES };
        let read = campaign_events::read(self.store.reader(), &Scope::system(), span).await?;
        let events: Result<Vec<_>, StoreError> = read.events.into_iter().map(KnownEvent::read).collect();
        feed.lock().push(events?, feed.ring_bytes);
        Ok(())
    }

    async fn progress_of(&self, id: CampaignId) -> Result<(Campaign, Vec<TeamTotals>), FleetError> {
        let db = self.store.reader();
        let found = campaigns::by_ids(db, &Scope::system(), &[id]).await?;
        let campaign = found.into_iter().next().ok_or(FleetError::NotFound("campaign"))?;
        let mut teams = campaign_teams::load(db, &Scope::system(), &[id]).await?;
        Ok((campaign, teams.remove(&id).unwrap_or_default()))
    }
}
