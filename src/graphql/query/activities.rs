//! The audit trail.

use async_graphql::{Context, Object};

use crate::graphql::connection::Listed;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::activity::{Activity, ActivityConnection, ActivityFilter};
use crate::graphql::page::List;
use crate::graphql::scalars::Text;

/// Reads of the audit trail.
#[derive(Default)]
pub(super) struct ActivityQuery;

#[Object]
impl ActivityQuery {
    /// The audit trail as far as the caller can see it, newest first: of their teams, or all.
    async fn activities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Activities at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Conditions that all must meet.")] filter: Option<ActivityFilter>,
    ) -> Result<Option<ActivityConnection>> {
        let list = List::ACTIVITIES;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let filter = filter.unwrap_or_default().resolved(ctx).await?;
        let page = ctx.fleet().activities(ctx.actor(), &filter, request.clone()).await?;
        Ok(Some(ActivityConnection::new(Listed::page(list, &request, page, Activity))))
    }
}
