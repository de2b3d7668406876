//! Reading campaigns: found, listed, counted; their events as pages.

use std::collections::HashMap;

use entity::id::{CampaignId, HostId, PublicId};

use super::event::KnownEvent;
use super::{Campaign, CampaignFilter, EventPage, Targets, Totals, cursor};
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{self, Action, Actor, Scope};
use crate::store::campaign_events::{self, Span};
use crate::store::campaign_teams::{self, TeamTotals};
use crate::store::{campaign_answers, campaigns};

/// Bytes of a page of events at most; one event is always there.
const PAGE_BYTES: usize = 4 << 20;

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

    /// The host of an outside id among those that answered a campaign, also when it was deleted since; none when it
    /// has not answered, or is not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host_in_campaign(
        &self,
        actor: &Actor,
        campaign: &Campaign,
        host: &PublicId,
    ) -> Result<Option<HostId>, FleetError> {
        let scope = read_scope(actor)?;
        Ok(campaign_answers::host_of(self.store.reader(), &scope, campaign.id, host).await?)
    }

    /// A page of a campaign's events after a cursor; `host` keeps those of one host. Ends at 4 MiB, with at least
    /// one event.
    ///
    /// # Errors
    /// Denied; invalid or expired cursor; unavailable.
    pub async fn campaign_events(
        &self,
        actor: &Actor,
        campaign: &Campaign,
        host: Option<HostId>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<EventPage, FleetError> {
        let scope = read_scope(actor)?;
        let after = self.open_cursor(campaign, after)?;
        self.note_reader(actor, campaign).await?;
        let up_to = campaign.last_position;
        let span = Span { campaign: campaign.id, after, up_to, host, limit, max_bytes: PAGE_BYTES };
        let read = campaign_events::read(self.store.reader(), &scope, span).await?;
        let events: Result<Vec<_>, _> = read.events.into_iter().map(KnownEvent::read).collect();
        self.check_kept(campaign.id).await?;
        let totals = self.campaign_totals(actor, &[campaign.id]).await?;
        let totals = totals.get(&campaign.id).copied().unwrap_or_default();
        let seal = |position| cursor::seal(&self.keys, campaign.id, position);
        Ok(EventPage {
            events: events?.iter().map(|event| event.shown(seal(event.position), totals)).collect(),
            more: read.read_to < up_to,
            end_cursor: seal(read.read_to.max(after)),
        })
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
        let found = campaigns::by_ids(self.store.reader(), &Scope::system(), &[id]).await?;
        match found.first() {
            Some(campaign) if campaign.events_purged_at.is_none() => Ok(()),
            _ => Err(FleetError::CursorExpired),
        }
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
