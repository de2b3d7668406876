//! Hosts, as they change.

use async_graphql::{Context, Subscription};
use futures_util::{Stream, StreamExt};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::host_filter::HostFilter;
use crate::graphql::model::host_vitals::HostChange;

/// Streams of hosts.
#[derive(Default)]
pub(super) struct HostSubscription;

#[Subscription]
impl HostSubscription {
    /// Changes of hosts the caller can see, as far as they meet the filter. The first message is RESYNC: read the list
    /// after it. Changes within a quarter of a second are told as one. Conditions on states do not apply to
    /// `STATUS_CHANGED`, so that who looks at hosts online is told when one is not any more.
    #[expect(clippy::unused_async, reason = "the shape of a subscription")]
    async fn host_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Conditions that all must meet.")] filter: Option<HostFilter>,
    ) -> Result<impl Stream<Item = Result<HostChange>> + use<>> {
        let filter = filter.map(Into::into).unwrap_or_default();
        let changes = ctx.fleet().follow_hosts(ctx.actor(), filter)?;
        Ok(changes.map(|change| Ok(HostChange::from(change?))))
    }
}
