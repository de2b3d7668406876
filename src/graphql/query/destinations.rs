//! Log destinations.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::destination::Destination;

/// Reads of log destinations.
#[derive(Default)]
pub(super) struct DestinationQuery;

#[Object]
impl DestinationQuery {
    /// Every log destination, by name: of the configuration first. There are few.
    async fn destinations(&self, ctx: &Context<'_>) -> Result<Option<Vec<Destination>>> {
        let found = ctx.fleet().destinations(ctx.actor()).await?;
        Ok(Some(found.into_iter().map(Destination).collect()))
    }
}
