//! What a host answered in campaigns.

use async_graphql::{Context, Object};

use super::campaign::Campaign;
use super::campaign_target::{CampaignHostFailure, CampaignTargetState};
use crate::fleet::{FleetError, campaigns};
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::scalars::{DateTime, int};

/// One answer of a host.
pub struct HostAnswer(pub campaigns::HostAnswer);

/// One answer of a host.
#[Object]
impl HostAnswer {
    /// The campaign.
    async fn campaign(&self, ctx: &Context<'_>) -> Result<Campaign> {
        let campaign = ctx.load(self.0.campaign_id).await?;
        campaign.ok_or_else(|| FleetError::NotFound("campaign").into())
    }

    /// State.
    async fn state(&self) -> CampaignTargetState {
        self.0.target.state.into()
    }

    /// When it answered.
    async fn responded_at(&self) -> Option<DateTime> {
        self.0.target.responded_at.map(DateTime)
    }

    /// Rows kept.
    async fn rows(&self) -> i32 {
        int(self.0.target.rows)
    }

    /// Why it failed.
    async fn error(&self) -> Option<CampaignHostFailure> {
        self.0.target.failure.clone().map(CampaignHostFailure::from)
    }
}

connection! {
    /// Page of answers of a host.
    HostAnswerConnection {}

    /// One answer in a page.
    HostAnswerEdge {
        /// The answer.
        HostAnswer
    }
}
