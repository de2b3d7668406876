//! Campaigns and their counters.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use entity::id::SavedQueryId;

use super::campaign_event::CampaignEventConnection;
use super::campaign_target::{CampaignTarget, CampaignTargetConnection, CampaignTargetState};
use super::host::Host;
use super::host_filter::each_into;
use super::saved_query::SavedQuery;
use super::target_selection::TargetSelection;
use super::user::Actor;
use crate::fleet::campaigns::{self, TargetFilter};
use crate::fleet::hosts::Page;
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, Identified, shown};
use crate::graphql::loader::{HostInCampaign, OnlineOutstanding, RunsOf, TargetsOf, TotalsOf};
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text, UInt64, int, text};

/// State of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "campaigns::CampaignStatus")]
pub enum CampaignStatus {
    /// Asking; accepting answers.
    Running,
    /// Every target answered.
    Completed,
    /// Stopped by a user.
    Stopped,
    /// Ended by its expiry.
    Expired,
}

/// Counters of a campaign, of the hosts the caller may see. Always: succeeded + failed = responded, responded +
/// outstanding = targeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
pub struct CampaignTotals {
    /// Hosts asked.
    targeted: i32,
    /// Hosts that answered, with rows or an error.
    responded: i32,
    /// Hosts that answered with rows, perhaps none.
    succeeded: i32,
    /// Hosts that answered with an error.
    failed: i32,
    /// Hosts still awaited; after the end, hosts that never answered.
    outstanding: i32,
    /// Rows kept.
    rows: i32,
    /// Rows dropped by a limit.
    rows_dropped: UInt64,
}

impl From<campaigns::Totals> for CampaignTotals {
    fn from(totals: campaigns::Totals) -> Self {
        Self {
            targeted: int(totals.targeted),
            responded: int(totals.responded()),
            succeeded: int(totals.succeeded),
            failed: int(totals.failed),
            outstanding: int(totals.outstanding()),
            rows: int(totals.rows),
            rows_dropped: totals.rows_dropped.into(),
        }
    }
}

/// One run of a live query over a set of hosts.
#[derive(Clone, Debug)]
pub struct Campaign(pub campaigns::Campaign);

impl Identified for Campaign {
    const PREFIX: &'static str = "cmp";
}

/// One run of a live query over a set of hosts.
#[Object]
impl Campaign {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name to show, when given.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// SQL that runs.
    async fn sql(&self) -> &str {
        &self.0.sql
    }

    /// Saved query it came from, when it did.
    async fn saved_query(&self, ctx: &Context<'_>) -> Result<Option<SavedQuery>> {
        match self.0.saved_query_id {
            Some(id) => ctx.load(id).await,
            None => Ok(None),
        }
    }

    /// Who started it.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        Actor::load(ctx, self.0.created_by).await
    }

    /// Current state.
    async fn status(&self) -> CampaignStatus {
        self.0.status.into()
    }

    /// What was asked for; the targets were fixed from it at the start.
    async fn selection(&self) -> TargetSelection {
        TargetSelection::of(&self.0)
    }

    /// The campaign it asks again, when it does.
    async fn rerun_of(&self, ctx: &Context<'_>) -> Result<Option<Campaign>> {
        match self.0.rerun_of {
            Some(id) => ctx.load(id).await,
            None => Ok(None),
        }
    }

    /// Counters, of the hosts the caller may see.
    async fn totals(&self, ctx: &Context<'_>) -> Result<CampaignTotals> {
        Ok(ctx.load(TotalsOf(self.0.id)).await?.unwrap_or_default().into())
    }

    /// Outstanding targets that are online now.
    async fn online_outstanding(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(int(ctx.load(OnlineOutstanding(self.0.id)).await?.unwrap_or_default()))
    }

    /// Start time.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time after which it stops.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// End time, when ended.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }

    /// Cursor of the newest event; pass it as `after` to see only what follows.
    async fn latest_cursor(&self, ctx: &Context<'_>) -> String {
        ctx.fleet().latest_cursor(&self.0)
    }

    /// The same events as the subscription, as pages: catch up here, then subscribe after endCursor.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events at most, 1 to 100; a page also ends at 4 MiB.", default = 100)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<CampaignEventConnection> {
        CampaignEventConnection::of(ctx, &self.0, None, first, text(after.as_ref())).await
    }

    /// Hosts targeted, each with its state: who has not answered, who failed and why.
    async fn targets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Targets at most, 1 to 100.", default = 50)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only targets in one of these states.")] states: Option<Vec<CampaignTargetState>>,
        #[graphql(desc = "Prefix of the host name.")] search: Option<Text>,
    ) -> Result<CampaignTargetConnection> {
        let list = List::TARGETS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let filter = TargetFilter { states: states.map(each_into), search: search.map(|text| text.0) };
        let wanted = TargetsOf(self.0.id, (filter.clone(), request.clone()));
        let page = ctx.load(wanted).await?.unwrap_or_else(Page::empty);
        let total = Total::Targets(self.0.id, filter);
        Ok(CampaignTargetConnection::new(Listed::page(list, &request, page, CampaignTarget), total))
    }

    /// Events of one host, also when it was deleted since; null when it has not answered or is not visible.
    async fn answer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The host.")] host_id: Id<Host>,
        #[graphql(desc = "Events at most, 1 to 100; a page also ends at 4 MiB.", default = 10)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<CampaignEventConnection>> {
        let answered = ctx.load(HostInCampaign(self.0.id, host_id.into_public())).await?;
        let Some(host) = answered else { return Ok(None) };
        let after = text(after.as_ref());
        CampaignEventConnection::of(ctx, &self.0, Some(host), first, after).await.map(Some)
    }

    /// When its events were removed by retention; the totals stay.
    async fn events_purged_at(&self) -> Option<DateTime> {
        self.0.events_purged_at.map(DateTime)
    }
}

connection! {
    /// Page of campaigns.
    CampaignConnection {
        /// Number that match.
        total_count
    }

    /// One campaign in a page.
    CampaignEdge {
        /// The campaign.
        Campaign
    }
}

impl CampaignConnection {
    /// The campaigns that a client asks for, newest first.
    ///
    /// # Errors
    /// `first` or the cursor is not acceptable; denied; unavailable.
    pub async fn of(
        ctx: &Context<'_>,
        first: i32,
        after: Option<Text>,
        filter: campaigns::CampaignFilter,
    ) -> Result<Self> {
        let request = List::CAMPAIGNS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().campaigns(ctx.actor(), &filter, request.clone()).await?;
        Ok(Self::new(Listed::page(List::CAMPAIGNS, &request, page, Campaign), Total::Campaigns(filter)))
    }

    /// The runs of a saved query that a client asks for, newest first.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn of_query(
        ctx: &Context<'_>,
        query: SavedQueryId,
        first: i32,
        after: Option<Text>,
    ) -> Result<Self> {
        let request = List::CAMPAIGNS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(RunsOf(query, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(Self::new(Listed::page(List::CAMPAIGNS, &request, page, Campaign), Total::Runs(query)))
    }
}
