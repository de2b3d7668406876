//! Reading campaigns: found, listed, counted; their events as pages.

use std::collections::{HashMap, HashSet};

use entity::id::{CampaignId, PublicId, SavedQueryId};

use super::{Campaign, CampaignFilter, Targets, Totals, cursor};
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{self, Action, Actor, Scope};
use crate::store::campaign_teams::{self, TeamTotals};
use crate::store::campaigns;

impl Fleet {
    /// Visible campaigns by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Campaign>, FleetError> {
        let scope = read_scope(actor)?;
        let found = campaigns::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|campaign| (campaign.public_id.clone(), campaign)).collect())
    }

    /// Visible campaigns by inside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns_by_ids(
        &self,
        actor: &Actor,
        ids: &[CampaignId],
    ) -> Result<HashMap<CampaignId, Campaign>, FleetError> {
        let scope = read_scope(actor)?;
        let found = campaigns::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|campaign| (campaign.id, campaign)).collect())
    }

    /// A page of visible campaigns, newest first.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns(
        &self,
        actor: &Actor,
        filter: &CampaignFilter,
        page: PageRequest,
    ) -> Result<Page<Campaign>, FleetError> {
        let scope = read_scope(actor)?;
        Ok(campaigns::page(self.store.reader(), &scope, filter, &page).await?)
    }

    /// A page of the visible runs of each saved query, newest first.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaigns_of_queries(
        &self,
        actor: &Actor,
        queries: &[SavedQueryId],
        page: &PageRequest,
    ) -> Result<HashMap<SavedQueryId, Page<Campaign>>, FleetError> {
        let scope = read_scope(actor)?;
        Ok(campaigns::pages_of_queries(self.store.reader(), &scope, queries, page).await?)
    }

    /// How many visible campaigns match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_campaigns(&self, actor: &Actor, filter: &CampaignFilter) -> Result<u64, FleetError> {
        let scope = read_scope(actor)?;
        Ok(campaigns::count(self.store.reader(), &scope, filter).await?)
    }

    /// Counters of campaigns, of the hosts the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaign_totals(
        &self,
        actor: &Actor,
        ids: &[CampaignId],
    ) -> Result<HashMap<CampaignId, Totals>, FleetError> {
        let scope = read_scope(actor)?;
        let totals = campaign_teams::load(self.store.reader(), &scope, ids).await?;
        Ok(totals.into_iter().map(|(id, teams)| (id, teams.iter().collect())).collect())
    }

    /// The cursor of the newest event.
    #[must_use]
    pub fn latest_cursor(&self, campaign: &Campaign) -> String {
        cursor::seal(&self.keys, campaign.id, campaign.last_position)
    }

    /// How many visible runs each saved query has.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_campaigns_of_queries(
        &self,
        actor: &Actor,
        queries: &[SavedQueryId],
    ) -> Result<HashMap<SavedQueryId, u64>, FleetError> {
        let scope = read_scope(actor)?;
        Ok(campaigns::count_of_queries(self.store.reader(), &scope, queries).await?)
    }

    /// The position of a cursor of a campaign.
    ///
    /// # Errors
    /// Invalid for one that is not this campaign's; expired when retention took the events.
    pub(super) fn open_cursor(&self, campaign: &Campaign, after: Option<&str>) -> Result<i64, FleetError> {
        let position = cursor::open(&self.keys, campaign.id, after)?;
        if campaign.events_purged_at.is_some() {
            return Err(FleetError::CursorExpired);
        }
        Ok(position)
    }

    /// Tells whether the events of a campaign are still there, after they were read: retention may take them
    /// meanwhile, and what was read then has holes.
    ///
    /// # Errors
    /// [`FleetError::CursorExpired`]; unavailable.
    pub(super) async fn check_kept(&self, id: CampaignId) -> Result<(), FleetError> {
        if self.kept(&[id]).await?.contains(&id) { Ok(()) } else { Err(FleetError::CursorExpired) }
    }

    /// Those of these campaigns whose events are still there.
    pub(super) async fn kept(&self, ids: &[CampaignId]) -> Result<HashSet<CampaignId>, FleetError> {
        let found = campaigns::by_ids(self.store.reader(), &Scope::system(), ids).await?;
        let kept = found.into_iter().filter(|campaign| campaign.events_purged_at.is_none());
        Ok(kept.map(|campaign| campaign.id).collect())
    }

    /// A visible campaign.
    ///
    /// # Errors
    /// Denied; not found; unavailable.
    pub(super) async fn visible_campaign(
        &self,
        actor: &Actor,
        id: &PublicId,
    ) -> Result<Campaign, FleetError> {
        let mut found = self.campaigns_by_public_ids(actor, std::slice::from_ref(id)).await?;
        found.remove(id).ok_or(FleetError::NotFound("campaign"))
    }
}

/// What a campaign was started for; none when the stored form is of another version.
#[must_use]
pub fn selection(campaign: &Campaign) -> Option<Targets> {
    serde_json::from_str(&campaign.selection).ok()
}

/// Where the actor may see campaigns.
pub(super) fn read_scope(actor: &Actor) -> Result<Scope, FleetError> {
    Ok(policy::allow(actor, Action::ReadCampaigns, None)?)
}

impl<'a> FromIterator<&'a TeamTotals> for Totals {
    fn from_iter<I: IntoIterator<Item = &'a TeamTotals>>(teams: I) -> Self {
        teams.into_iter().fold(Self::default(), |sum, team| Self {
            targeted: sum.targeted + team.targeted,
            succeeded: sum.succeeded + team.succeeded,
            failed: sum.failed + team.failed,
            rows: sum.rows + team.rows,
            rows_dropped: sum.rows_dropped + team.rows_dropped,
        })
    }
}
