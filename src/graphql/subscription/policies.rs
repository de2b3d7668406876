//! Policies, as they and their results change.

use async_graphql::{Context, Subscription};
use futures_util::{Stream, StreamExt};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::policy::Policy;
use crate::graphql::model::policy_result::PolicyChange;

/// Streams of policies.
#[derive(Default)]
pub(super) struct PolicySubscription;

#[Subscription]
impl PolicySubscription {
    /// Changes of policies the caller can see, and of how hosts stand to them that the caller can see. The first message is
    /// RESYNC: read the list after it. Changes within a quarter of a second are told as one.
    #[expect(clippy::unused_async, reason = "the shape of a subscription")]
    async fn policy_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only this policy.")] policy_id: Option<Id<Policy>>,
    ) -> Result<impl Stream<Item = Result<PolicyChange>> + use<>> {
        let changes = ctx.fleet().follow_policies(ctx.actor(), policy_id.map(Id::into_public))?;
        Ok(changes.map(|change| Ok(PolicyChange::from(change?))))
    }
}
