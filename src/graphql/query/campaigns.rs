//! Campaigns.

use async_graphql::{Context, Object};
use entity::id::{PublicId, SavedQueryId};

use crate::fleet::campaigns::{CampaignFilter, Source};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::campaign::{CampaignConnection, CampaignStatus};
use crate::graphql::model::host_filter::each_into;
use crate::graphql::model::saved_query::SavedQuery;
use crate::graphql::model::targets_input::{LiveQuerySource, TargetPreview, TargetsInput};
use crate::graphql::scalars::Text;

/// Reads of campaigns.
#[derive(Default)]
pub(super) struct CampaignQuery;

#[Object]
impl CampaignQuery {
    /// Campaigns the caller can see, newest first.
    async fn campaigns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Campaigns at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only campaigns in one of these states.")] statuses: Option<Vec<CampaignStatus>>,
        #[graphql(desc = "Only runs of this saved query.")] saved_query_id: Option<Id<SavedQuery>>,
        #[graphql(desc = "Part of the name or the SQL.")] search: Option<Text>,
    ) -> Result<Option<CampaignConnection>> {
        let saved_query = match saved_query_id {
            Some(id) => Some(inside_id(ctx, id.into_public()).await?),
            None => None,
        };
        let (statuses, search) = (statuses.map(each_into), search.map(|text| text.0));
        let filter = CampaignFilter { statuses, saved_query, search };
        CampaignConnection::of(ctx, first, after, filter).await.map(Some)
    }

    /// How many hosts a campaign with these targets would reach.
    async fn preview_targets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hosts.")] targets: TargetsInput,
        #[graphql(desc = "What to run; anything the caller may run when left out.")] source: Option<
            LiveQuerySource,
        >,
    ) -> Result<Option<TargetPreview>> {
        let (targets, source) = (targets.try_into()?, source.map(Source::from));
        let preview = ctx.fleet().preview_targets(ctx.actor(), &targets, source.as_ref()).await?;
        Ok(Some(preview.into()))
    }
}

/// The inside id of a saved query; one that names nothing when it is absent or not visible.
async fn inside_id(ctx: &Context<'_>, id: PublicId) -> Result<SavedQueryId> {
    let found = ctx.fleet().saved_queries_by_public_ids(ctx.actor(), std::slice::from_ref(&id)).await?;
    Ok(found.get(&id).map(|query| query.id).unwrap_or_default())
}
