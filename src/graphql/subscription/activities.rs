//! The audit trail as a stream.

use async_graphql::{Context, Subscription};
use futures_util::{Stream, StreamExt};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::activity::{Activity, ActivityFilter};

/// Streams of the audit trail.
#[derive(Default)]
pub(super) struct ActivitySubscription;

#[Subscription]
impl ActivitySubscription {
    /// What is added to the audit trail from now on, as far as the caller can see it, each once.
    async fn activity_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Conditions that all must meet.")] filter: Option<ActivityFilter>,
    ) -> Result<impl Stream<Item = Result<Activity>>> {
        let filter = filter.unwrap_or_default().resolved(ctx).await?;
        let added = ctx.fleet().follow_activities(ctx.actor(), filter).await?;
        Ok(added.map(|entry| Ok(Activity(entry?))))
    }
}
