//! Retention: what removes the events of campaigns that ended long ago. The campaign and its counters stay.

use entity::id::CampaignId;

use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::{campaign_events, campaigns};

/// Campaigns marked in one transaction.
const CAMPAIGNS: u64 = 100;

/// Positions deleted in one transaction.
const SLICE: i64 = 1_000;

impl Fleet {
    /// Removes the events of campaigns that ended longer ago than events are kept. Each campaign is marked first, so
    /// that nobody takes what is left of its events for the whole; then they go in slices. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn purge_events(&self) -> Result<(), FleetError> {
        let (now, system) = (self.store.now().await?, Scope::system());
        let oldest = now.minus(self.settings.event_retention);
        loop {
            let tx = self.store.begin().await?;
            let marked = campaigns::mark_purged(&tx, (oldest, now), CAMPAIGNS).await?;
            tx.commit().await?;
            if marked < CAMPAIGNS {
                break;
            }
        }
        // Those that were marked before, too: a server may have died in the middle.
        for id in campaigns::purged_with_events(self.store.reader(), &system, oldest).await? {
            self.delete_events(id).await?;
        }
        Ok(())
    }

    async fn delete_events(&self, id: CampaignId) -> Result<(), FleetError> {
        let system = Scope::system();
        while let Some(first) = campaign_events::first_position(self.store.reader(), &system, id).await? {
            let tx = self.store.begin().await?;
            campaign_events::delete_to(&tx, id, first.saturating_add(SLICE)).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
