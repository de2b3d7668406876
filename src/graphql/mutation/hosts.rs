//! Hosts.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::id::PublicId;

use crate::fleet::hosts::{self, Part};
use crate::fleet::{FleetError, RejectionCode};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics, shown};
use crate::graphql::model::host::Host;
use crate::graphql::model::host_filter::HostFilter;
use crate::graphql::model::team::Team;
use crate::graphql::scalars::int;
use crate::graphql::user_error::{UserError, settle};

/// Writes of hosts.
#[derive(Default)]
pub(super) struct HostMutation;

/// Input of transferHosts: hosts by id or by filter, one of both.
#[derive(InputObject)]
struct TransferHostsInput {
    /// Hosts to move, at most 1000; one that is not visible refuses all.
    host_ids: Option<Vec<Id<Host>>>,
    /// Conditions of the hosts to move, at least one; a call moves at most 1000 of those that the caller manages.
    filter: Option<HostFilter>,
    /// New team; null for none.
    team_id: Option<Id<Team>>,
}

/// Answer of transferHosts.
#[derive(SimpleObject)]
struct TransferHostsPayload {
    /// Hosts that were moved.
    hosts: Vec<Host>,
    /// How many more meet the filter: another call goes on with them.
    remaining: i32,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteHosts: hosts by id or by filter, one of both.
#[derive(InputObject)]
struct DeleteHostsInput {
    /// Hosts to delete, at most 1000; one that is not visible refuses all.
    host_ids: Option<Vec<Id<Host>>>,
    /// Conditions of the hosts to delete, at least one; a call deletes at most 1000 of those that the caller manages.
    filter: Option<HostFilter>,
}

/// Answer of deleteHosts.
#[derive(SimpleObject)]
struct DeleteHostsPayload {
    /// Ids that were deleted, for the client's cache.
    deleted_host_ids: Vec<ID>,
    /// How many more meet the filter: another call goes on with them.
    remaining: i32,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of refetchHost.
#[derive(InputObject)]
struct RefetchHostInput {
    /// The host.
    host_id: Id<Host>,
}

/// Answer of refetchHost.
#[derive(SimpleObject)]
struct RefetchHostPayload {
    /// The host; `vitals.refetchRequestedAt` is null again when it has answered.
    host: Option<Host>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of refetchHosts: hosts by id or by filter, one of both.
#[derive(InputObject)]
struct RefetchHostsInput {
    /// Hosts, at most 1000; one that is not visible refuses all.
    host_ids: Option<Vec<Id<Host>>>,
    /// Conditions of the hosts; none means all. A call asks at most 1000 of which nobody waits for it already.
    filter: Option<HostFilter>,
}

/// Answer of refetchHosts.
#[derive(SimpleObject)]
struct RefetchHostsPayload {
    /// Ids of the hosts that are asked.
    host_ids: Vec<ID>,
    /// How many more meet the filter: another call goes on with them.
    remaining: i32,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// How a client names hosts.
enum Chosen {
    Ids(Vec<PublicId>),
    Filter(hosts::HostFilter),
}

/// The hosts that a client names, in exactly one of two ways.
fn chosen(ids: Option<Vec<Id<Host>>>, filter: Option<HostFilter>) -> std::result::Result<Chosen, FleetError> {
    match (ids, filter) {
        (Some(ids), None) => Ok(Chosen::Ids(publics(ids))),
        (None, Some(filter)) => Ok(Chosen::Filter(filter.into())),
        (None, None) | (Some(_), Some(_)) => {
            let message = "hosts are named either by `hostIds` or by `filter`";
            Err(FleetError::rejected(RejectionCode::Invalid, "hostIds", message))
        }
    }
}

/// All that was asked for was done.
fn whole<T>(done: Vec<T>) -> Part<T> {
    Part { done, remaining: 0 }
}

/// What was done, and how many more there are; nothing where the client has something to mend.
fn parted<T>(part: Option<Part<T>>) -> (Vec<T>, i32) {
    part.map_or((Vec::new(), 0), |part| (part.done, int(part.remaining)))
}

#[Object]
impl HostMutation {
    /// Asks a host for everything anew, at its next check-in: vitals, labels and policies.
    async fn refetch_host(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which host.")] input: RefetchHostInput,
    ) -> Result<Option<RefetchHostPayload>> {
        let ids = publics(vec![input.host_id]);
        let (hosts, user_errors) = settle(ctx.fleet().refetch_hosts(ctx.actor(), &ids).await)?;
        let host = hosts.and_then(|mut hosts| hosts.pop()).map(Host);
        Ok(Some(RefetchHostPayload { host, user_errors }))
    }

    /// Asks hosts for everything anew, at their next check-ins.
    async fn refetch_hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hosts.")] input: RefetchHostsInput,
    ) -> Result<Option<RefetchHostsPayload>> {
        let (fleet, actor) = (ctx.fleet(), ctx.actor());
        let ids_of = |hosts: Vec<hosts::Host>| -> Vec<PublicId> {
            hosts.into_iter().map(|host| host.public_id).collect()
        };
        let asked = match chosen(input.host_ids, input.filter) {
            Ok(Chosen::Ids(ids)) => fleet.refetch_hosts(actor, &ids).await.map(ids_of).map(whole),
            Ok(Chosen::Filter(filter)) => fleet.refetch_hosts_where(actor, &filter).await,
            Err(refused) => Err(refused),
        };
        let (asked, user_errors) = settle(asked)?;
        let (ids, remaining) = parted(asked);
        Ok(Some(RefetchHostsPayload { host_ids: ids.iter().map(shown).collect(), remaining, user_errors }))
    }

    /// Moves hosts to a team; campaigns that await them withdraw them.
    async fn transfer_hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hosts, and where to.")] input: TransferHostsInput,
    ) -> Result<Option<TransferHostsPayload>> {
        let (fleet, actor, team) = (ctx.fleet(), ctx.actor(), input.team_id.as_ref().map(Id::public));
        let moved = match chosen(input.host_ids, input.filter) {
            Ok(Chosen::Ids(ids)) => fleet.transfer_hosts(actor, &ids, team).await.map(whole),
            Ok(Chosen::Filter(filter)) => fleet.transfer_hosts_where(actor, &filter, team).await,
            Err(refused) => Err(refused),
        };
        let (moved, user_errors) = settle(moved)?;
        let (hosts, remaining) = parted(moved);
        let hosts = hosts.into_iter().map(Host).collect();
        Ok(Some(TransferHostsPayload { hosts, remaining, user_errors }))
    }

    /// Deletes hosts; campaigns that await them withdraw them.
    async fn delete_hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hosts.")] input: DeleteHostsInput,
    ) -> Result<Option<DeleteHostsPayload>> {
        let (fleet, actor) = (ctx.fleet(), ctx.actor());
        let deleted = match chosen(input.host_ids, input.filter) {
            Ok(Chosen::Ids(ids)) => fleet.delete_hosts(actor, &ids).await.map(whole),
            Ok(Chosen::Filter(filter)) => fleet.delete_hosts_where(actor, &filter).await,
            Err(refused) => Err(refused),
        };
        let (deleted, user_errors) = settle(deleted)?;
        let (ids, remaining) = parted(deleted);
        let deleted_host_ids = ids.iter().map(shown).collect();
        Ok(Some(DeleteHostsPayload { deleted_host_ids, remaining, user_errors }))
    }
}
