//! Hosts.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics, shown};
use crate::graphql::model::host::Host;
use crate::graphql::model::team::Team;
use crate::graphql::user_error::{UserError, settle};

/// Writes of hosts.
#[derive(Default)]
pub(super) struct HostMutation;

/// Input of transferHosts.
#[derive(InputObject)]
struct TransferHostsInput {
    /// Hosts to move, at most 1000.
    host_ids: Vec<Id<Host>>,
    /// New team; null for none.
    team_id: Option<Id<Team>>,
}

/// Answer of transferHosts.
#[derive(SimpleObject)]
struct TransferHostsPayload {
    /// Hosts that were moved.
    hosts: Vec<Host>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteHosts.
#[derive(InputObject)]
struct DeleteHostsInput {
    /// Hosts to delete, at most 1000; one that is not visible refuses all.
    host_ids: Vec<Id<Host>>,
}

/// Answer of deleteHosts.
#[derive(SimpleObject)]
struct DeleteHostsPayload {
    /// Ids that were deleted, for the client's cache.
    deleted_host_ids: Vec<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl HostMutation {
    /// Moves hosts to a team; campaigns that await them withdraw them.
    async fn transfer_hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hosts, and where to.")] input: TransferHostsInput,
    ) -> Result<Option<TransferHostsPayload>> {
        let (hosts, team) = (publics(input.host_ids), input.team_id.as_ref().map(Id::public));
        let (moved, user_errors) = settle(ctx.fleet().transfer_hosts(ctx.actor(), &hosts, team).await)?;
        let hosts = moved.unwrap_or_default().into_iter().map(Host).collect();
        Ok(Some(TransferHostsPayload { hosts, user_errors }))
    }

    /// Deletes hosts; campaigns that await them withdraw them.
    async fn delete_hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hosts.")] input: DeleteHostsInput,
    ) -> Result<Option<DeleteHostsPayload>> {
        let deleted = ctx.fleet().delete_hosts(ctx.actor(), &publics(input.host_ids)).await;
        let (ids, user_errors) = settle(deleted)?;
        let deleted_host_ids = ids.unwrap_or_default().iter().map(shown).collect();
        Ok(Some(DeleteHostsPayload { deleted_host_ids, user_errors }))
    }
}
