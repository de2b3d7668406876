//! What keeps the board and the feeds of this server true: loading, notices, and a look at the store every second.

use std::collections::HashMap;
use std::sync::Arc;

use entity::id::CampaignId;
use entity::kind::CampaignStatus;
use tokio_util::sync::CancellationToken;

use super::{Campaign, notice};
use crate::bus::Notice;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::{StoreError, campaign_answers, campaign_targets, campaigns};

impl Fleet {
    /// Puts a campaign on the board if it runs: what its targets are, less who has answered.
    pub(crate) async fn campaign_started(&self, id: CampaignId) -> Result<(), FleetError> {
        let found = campaigns::by_ids(self.store.reader(), &Scope::system(), &[id]).await?;
        for campaign in found.into_iter().filter(|one| one.status == CampaignStatus::Running) {
            self.campaigns.watchers.observe(id, campaign.last_position, campaign.status);
            self.put_on_board(campaign).await?;
        }
        Ok(())
    }

    /// Takes a campaign off the board and lets its viewers here see the end.
    pub(crate) fn campaign_ended(&self, id: CampaignId) {
        self.campaigns.board.remove(id);
        self.campaigns.targets.forget(id);
        self.campaigns.watchers.ended(id);
        if let Some(feed) = self.campaigns.feeds.find(id) {
            feed.ring();
        }
    }

    /// Looks at the store for what no notice told: of the running campaigns on the board, and of those with a viewer
    /// here. One statement, unless something moved. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn check_progress(&self) -> Result<(), FleetError> {
        self.try_commits().await?;
        let watched = self.campaigns.feeds.watched();
        let known = self.campaigns.board.positions();
        if watched.is_empty() && known.is_empty() {
            return Ok(());
        }
        let found = campaigns::progress(self.store.reader(), &Scope::system(), &watched).await?;
        let found: HashMap<_, _> = found.into_iter().map(|one| (one.id, one)).collect();
        for now in found.values().filter(|now| now.status == CampaignStatus::Running) {
            self.campaigns.watchers.observe(now.id, now.last_position, now.status);
        }
        for (id, position) in known {
            match found.get(&id).filter(|one| one.status == CampaignStatus::Running) {
                Some(now) if now.last_position > position => {
                    self.take_off(id, position, now.last_position).await?;
                }
                Some(_) => {}
                None => self.campaign_ended(id),
            }
        }
        for feed in watched.into_iter().filter_map(|id| self.campaigns.feeds.find(id)) {
            if found.get(&feed.campaign()).is_some_and(|now| now.last_position > feed.known_to()) {
                feed.ring();
            }
        }
        Ok(())
    }

    /// Forgets what the board knows and loads the running campaigns, newest first.
    pub(crate) async fn rebuild_board(&self) -> Result<(), FleetError> {
        self.campaigns.board.clear();
        self.campaigns.feeds.ring_all();
        for campaign in campaigns::running(self.store.reader(), &Scope::system()).await? {
            self.put_on_board(campaign).await?;
        }
        Ok(())
    }

    /// Takes in the notices of all servers, this one included, until `shutdown`.
    pub(super) async fn hear_campaigns(&self, shutdown: CancellationToken) {
        let mut notices = self.bus.subscribe(notice::CHANNEL.into()).await;
        self.campaigns.feeds.ring_all();
        while let Some(Some(notice)) = shutdown.run_until_cancelled(notices.recv()).await {
            match notice {
                Notice::Message(message) => self.take_in(&message),
                Notice::Gap => self.campaigns.feeds.ring_all(),
            }
        }
    }

    async fn put_on_board(&self, campaign: Campaign) -> Result<(), FleetError> {
        let (db, system) = (self.store.reader(), Scope::system());
        let sets = campaign_targets::load(db, &system, &[campaign.id]).await?;
        let mut awaited = sets.get(&campaign.id).map(|set| set.within(&system)).unwrap_or_default();
        awaited -= campaign_answers::hosts_after(db, &system, campaign.id, 0).await?;
        let sql = Arc::from(campaign.sql.as_str());
        self.campaigns.board.add(campaign.id, sql, awaited, campaign.last_position);
        Ok(())
    }

    async fn take_off(&self, id: CampaignId, after: i64, to: i64) -> Result<(), StoreError> {
        let hosts = campaign_answers::hosts_after(self.store.reader(), &Scope::system(), id, after).await?;
        self.campaigns.board.answered(id, &hosts, Some((after + 1, to)));
        Ok(())
    }
}
