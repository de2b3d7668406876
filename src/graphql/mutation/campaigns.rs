//! Campaigns.

use std::time::Duration;

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::fleet::FleetError;
use crate::fleet::campaigns::{self, NewCampaign};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::campaign::{Campaign, CampaignEdge};
use crate::graphql::model::targets_input::{LiveQuerySource, TargetsInput};
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of campaigns.
#[derive(Default)]
pub(super) struct CampaignMutation;

/// Input of startCampaign.
#[derive(InputObject)]
struct StartCampaignInput {
    /// What to run.
    source: LiveQuerySource,
    /// Where to run it.
    targets: TargetsInput,
    /// Name to show.
    name: Option<Text>,
    /// How long hosts may answer, offline ones included: 10 seconds to 30 days.
    #[graphql(default = 3600)]
    expires_in_seconds: i32,
    /// Same key, same caller, within 24 h: returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of startCampaign.
#[derive(SimpleObject)]
struct StartCampaignPayload {
    /// The campaign, or null when there are errors.
    campaign: Option<Campaign>,
    /// Edge to insert in a client's list.
    campaign_edge: Option<CampaignEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of stopCampaign.
#[derive(InputObject)]
struct StopCampaignInput {
    /// Campaign to stop.
    campaign_id: Id<Campaign>,
}

/// Answer of stopCampaign.
#[derive(SimpleObject)]
struct StopCampaignPayload {
    /// The campaign after the call.
    campaign: Option<Campaign>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl CampaignMutation {
    /// Starts a live query.
    async fn start_campaign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to run, and where.")] input: StartCampaignInput,
    ) -> Result<Option<StartCampaignPayload>> {
        let (campaign, user_errors) = settle(start(ctx, input).await)?;
        let edge = |campaign: campaigns::Campaign| {
            CampaignEdge::fresh(List::CAMPAIGNS, campaign.id.0, Campaign(campaign))
        };
        let campaign_edge = campaign.clone().map(edge);
        Ok(Some(StartCampaignPayload { campaign: campaign.map(Campaign), campaign_edge, user_errors }))
    }

    /// Stops a live query.
    async fn stop_campaign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: StopCampaignInput,
    ) -> Result<Option<StopCampaignPayload>> {
        let stopped = ctx.fleet().stop_campaign(ctx.actor(), input.campaign_id.public()).await;
        let (campaign, user_errors) = settle(stopped)?;
        Ok(Some(StopCampaignPayload { campaign: campaign.map(Campaign), user_errors }))
    }
}

/// The input as the verb wants it. A negative time becomes none, which the verb refuses as too short.
async fn start(
    ctx: &Context<'_>,
    input: StartCampaignInput,
) -> std::result::Result<campaigns::Campaign, FleetError> {
    let StartCampaignInput { source, targets, name, expires_in_seconds, idempotency_key } = input;
    let new = NewCampaign {
        source: source.into(),
        targets: targets.try_into()?,
        name: name.map(|text| text.0),
        expires_in: Duration::from_secs(u64::try_from(expires_in_seconds).unwrap_or_default()),
    };
    ctx.fleet().start_campaign(ctx.actor(), new, text(idempotency_key.as_ref())).await
}
