//! Hosts.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::host::Host;
use crate::graphql::model::host_counts::HostCounts;
use crate::graphql::model::host_filter::{HostFilter, HostLookup, HostSort};
use crate::graphql::model::host_list::HostConnection;
use crate::graphql::page::BothWays;
use crate::graphql::scalars::Text;

/// Reads of hosts.
#[derive(Default)]
pub(super) struct HostQuery;

#[Object]
impl HostQuery {
    /// One host.
    async fn host(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] by: HostLookup,
    ) -> Result<Option<Host>> {
        let (fleet, actor) = (ctx.fleet(), ctx.actor());
        let host = match by {
            HostLookup::Id(id) => fleet.host(actor, id.public()).await?,
            HostLookup::HostIdentifier(identifier) => fleet.host_by_identifier(actor, &identifier.0).await?,
        };
        Ok(host.map(Host))
    }

    /// Numbers of the hosts that the caller can see.
    async fn host_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Conditions that all must meet.")] filter: Option<HostFilter>,
    ) -> Result<Option<HostCounts>> {
        let filter = filter.map(Into::into).unwrap_or_default();
        let counts = ctx.fleet().host_counts(ctx.actor(), &filter).await?;
        Ok(Some(HostCounts { filter, counts }))
    }

    /// Hosts the caller can see.
    #[expect(clippy::too_many_arguments, reason = "one for each argument of the field")]
    async fn hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Hosts from the start at most, 1 to 100; 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Hosts from the end at most, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<Text>,
        #[graphql(desc = "Conditions that all must meet.")] filter: Option<HostFilter>,
        #[graphql(desc = "Order; last seen first when left out.")] sort: Option<HostSort>,
    ) -> Result<Option<HostConnection>> {
        let (window, filter) = (BothWays { first, after, last, before }, filter.map(Into::into));
        HostConnection::of(ctx, &window, filter.unwrap_or_default(), HostSort::wanted(sort)).await.map(Some)
    }
}
