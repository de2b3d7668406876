//! Policies.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::policies::{self, NewPolicy, PolicyEdit, PolicySort};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics, shown};
use crate::graphql::model::host::Platform;
use crate::graphql::model::host_filter::each_into;
use crate::graphql::model::label::Label;
use crate::graphql::model::policy::{Policy, PolicyEdge};
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of policies.
#[derive(Default)]
pub(super) struct PolicyMutation;

/// Input of createPolicy.
#[derive(InputObject)]
struct CreatePolicyInput {
    /// Name.
    name: Text,
    /// osquery SQL; a host where it returns a row passes.
    sql: Text,
    /// Purpose.
    description: Option<Text>,
    /// What to do where it fails.
    resolution: Option<Text>,
    /// It matters more than others.
    #[graphql(default = false)]
    critical: bool,
    /// The team whose hosts it is about; null for all hosts.
    team_id: Option<Id<Team>>,
    /// The platforms it is about; empty for all.
    #[graphql(default)]
    platforms: Vec<Platform>,
    /// A host must have one of these labels; at most 100.
    #[graphql(default)]
    labels_include_any: Vec<Id<Label>>,
    /// A host must have none of these labels; at most 100.
    #[graphql(default)]
    labels_exclude_any: Vec<Id<Label>>,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of createPolicy.
#[derive(SimpleObject)]
struct CreatePolicyPayload {
    /// The policy, or null when there are errors.
    policy: Option<Policy>,
    /// Edge to insert in a client's list.
    policy_edge: Option<PolicyEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of updatePolicy; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdatePolicyInput {
    /// Policy to change.
    id: Id<Policy>,
    /// Version that was read.
    expected_version: Option<i32>,
    /// New name.
    name: Option<Text>,
    /// New SQL. Another text is another question: what hosts answered before, their history and the counts begin anew.
    sql: Option<Text>,
    /// New purpose.
    description: MaybeUndefined<Text>,
    /// What to do where it fails.
    resolution: MaybeUndefined<Text>,
    /// It matters more than others.
    critical: Option<bool>,
    /// New platforms it is about; replaces the list.
    platforms: Option<Vec<Platform>>,
    /// New labels, one of which a host must have; replaces the list.
    labels_include_any: Option<Vec<Id<Label>>>,
    /// New labels, none of which a host may have; replaces the list.
    labels_exclude_any: Option<Vec<Id<Label>>>,
}

/// Answer of updatePolicy.
#[derive(SimpleObject)]
struct UpdatePolicyPayload {
    /// The policy after the call.
    policy: Option<Policy>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deletePolicy.
#[derive(InputObject)]
struct DeletePolicyInput {
    /// Policy to delete, with its results.
    id: Id<Policy>,
}

/// Answer of deletePolicy.
#[derive(SimpleObject)]
struct DeletePolicyPayload {
    /// Id that was deleted, for the client's cache.
    deleted_policy_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl PolicyMutation {
    /// Makes a policy; the hosts that it is about are asked within about a minute.
    async fn create_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: CreatePolicyInput,
    ) -> Result<Option<CreatePolicyPayload>> {
        let (new, key) = input.into_new();
        let made = ctx.fleet().create_policy(ctx.actor(), new, text(key.as_ref())).await;
        let (policy, user_errors) = settle(made)?;
        let list = List::policies(PolicySort::default());
        let edge = |policy: policies::Policy| PolicyEdge::fresh(list, policy.id.0, Policy(policy));
        let policy_edge = policy.clone().map(edge);
        Ok(Some(CreatePolicyPayload { policy: policy.map(Policy), policy_edge, user_errors }))
    }

    /// Changes a policy.
    async fn update_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what changes.")] input: UpdatePolicyInput,
    ) -> Result<Option<UpdatePolicyPayload>> {
        let (id, edit) = input.into_edit();
        let (policy, user_errors) = settle(ctx.fleet().update_policy(ctx.actor(), id.public(), edit).await)?;
        Ok(Some(UpdatePolicyPayload { policy: policy.map(Policy), user_errors }))
    }

    /// Deletes a policy, and with it what hosts answered to it.
    async fn delete_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeletePolicyInput,
    ) -> Result<Option<DeletePolicyPayload>> {
        let (id, user_errors) = settle(ctx.fleet().delete_policy(ctx.actor(), input.id.public()).await)?;
        Ok(Some(DeletePolicyPayload { deleted_policy_id: id.as_ref().map(shown), user_errors }))
    }
}

impl CreatePolicyInput {
    /// The policy to make, and the idempotency key.
    fn into_new(self) -> (NewPolicy, Option<Text>) {
        let new = NewPolicy {
            name: self.name.0,
            sql: self.sql.0,
            description: self.description.map(|text| text.0),
            resolution: self.resolution.map(|text| text.0),
            critical: self.critical,
            team: self.team_id.map(Id::into_public),
            platforms: each_into(self.platforms),
            include_any: publics(self.labels_include_any),
            exclude_any: publics(self.labels_exclude_any),
        };
        (new, self.idempotency_key)
    }
}

impl UpdatePolicyInput {
    /// Which policy, and its change.
    fn into_edit(self) -> (Id<Policy>, PolicyEdit) {
        let edit = PolicyEdit {
            expected_version: self.expected_version,
            name: self.name.map(|text| text.0),
            sql: self.sql.map(|text| text.0),
            description: self.description.map_value(|text| text.0).into(),
            resolution: self.resolution.map_value(|text| text.0).into(),
            critical: self.critical,
            platforms: self.platforms.map(each_into),
            include_any: self.labels_include_any.map(publics),
            exclude_any: self.labels_exclude_any.map(publics),
        };
        (self.id, edit)
    }
}
