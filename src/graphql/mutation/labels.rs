//! Labels.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::labels::{self, HostsByHand, LabelChange, NewLabel, Relabelled};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics, shown};
use crate::graphql::model::host::{Host, Platform};
use crate::graphql::model::host_filter::each_into;
use crate::graphql::model::label::{Label, LabelEdge};
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, int, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of labels.
#[derive(Default)]
pub(super) struct LabelMutation;

/// Input of createLabel.
#[derive(InputObject)]
struct CreateLabelInput {
    /// Name, unique in its team.
    name: Text,
    /// Purpose.
    description: Option<Text>,
    /// Owner team, whose hosts alone can have it; null for global.
    team_id: Option<Id<Team>>,
    /// SQL that returns a row on a host that is a member: hosts are asked soon, and then now and then. Without it the
    /// label is manual: addHostsToLabel puts hosts in.
    sql: Option<Text>,
    /// Platforms whose hosts are asked; all when it is empty.
    #[graphql(default)]
    platforms: Vec<Platform>,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of createLabel.
#[derive(SimpleObject)]
struct CreateLabelPayload {
    /// The label, or null when there are errors.
    label: Option<Label>,
    /// Edge to insert in a client's list.
    label_edge: Option<LabelEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of updateLabel; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdateLabelInput {
    /// Label to change.
    id: Id<Label>,
    /// Version that was read.
    expected_version: Option<i32>,
    /// New name.
    name: Option<Text>,
    /// New purpose.
    description: MaybeUndefined<Text>,
    /// New SQL of a dynamic label: hosts are asked anew soon, and stay what they are until they answer.
    sql: Option<Text>,
    /// New platforms whose hosts are asked; replaces the list. Hosts of others leave at once.
    platforms: Option<Vec<Platform>>,
}

/// Answer of updateLabel.
#[derive(SimpleObject)]
struct UpdateLabelPayload {
    /// The label after the call.
    label: Option<Label>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteLabel.
#[derive(InputObject)]
struct DeleteLabelInput {
    /// Label to delete.
    id: Id<Label>,
}

/// Answer of deleteLabel.
#[derive(SimpleObject)]
struct DeleteLabelPayload {
    /// Id that was deleted, for the client's cache.
    deleted_label_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of addHostsToLabel; at least one host.
#[derive(InputObject)]
struct AddHostsToLabelInput {
    /// A manual label.
    label_id: Id<Label>,
    /// Hosts, at most 1,000: all of them, or none is put in.
    #[graphql(default)]
    host_ids: Vec<Id<Host>>,
    /// Hosts by host name, osquery identifier, serial or hardware UUID, at most 1,000; every host of a name.
    #[graphql(default)]
    names: Vec<Text>,
}

/// Answer of addHostsToLabel.
#[derive(SimpleObject)]
struct AddHostsToLabelPayload {
    /// The label after the call.
    label: Option<Label>,
    /// Hosts that were not members before.
    hosts_added: i32,
    /// Names that no host has, of those that the label may have and the caller manages.
    unmatched_names: Vec<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of removeHostsFromLabel; at least one host.
#[derive(InputObject)]
struct RemoveHostsFromLabelInput {
    /// A manual label.
    label_id: Id<Label>,
    /// Hosts, at most 1,000: all of them, or none is taken out.
    #[graphql(default)]
    host_ids: Vec<Id<Host>>,
    /// Hosts by host name, osquery identifier, serial or hardware UUID, at most 1,000; every host of a name.
    #[graphql(default)]
    names: Vec<Text>,
}

/// Answer of removeHostsFromLabel.
#[derive(SimpleObject)]
struct RemoveHostsFromLabelPayload {
    /// The label after the call.
    label: Option<Label>,
    /// Hosts that were members before.
    hosts_removed: i32,
    /// Names that no host has, of those that the label may have and the caller manages.
    unmatched_names: Vec<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl LabelMutation {
    /// Makes a label, dynamic by SQL, or else manual.
    async fn create_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The label.")] input: CreateLabelInput,
    ) -> Result<Option<CreateLabelPayload>> {
        let CreateLabelInput { name, description, team_id, sql, platforms, idempotency_key } = input;
        let new = NewLabel {
            name: name.0,
            description: description.map(|text| text.0),
            team: team_id.map(Id::into_public),
            sql: sql.map(|text| text.0),
            platforms: each_into(platforms),
        };
        let key = text(idempotency_key.as_ref());
        let (label, user_errors) = settle(ctx.fleet().create_label(ctx.actor(), new, key).await)?;
        let edge = |label: labels::Label| LabelEdge::fresh(List::LABELS, label.id.0, Label(label));
        let label_edge = label.clone().map(edge);
        Ok(Some(CreateLabelPayload { label: label.map(Label), label_edge, user_errors }))
    }

    /// Changes a label.
    async fn update_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what changes.")] input: UpdateLabelInput,
    ) -> Result<Option<UpdateLabelPayload>> {
        let UpdateLabelInput { id, expected_version, name, description, sql, platforms } = input;
        let change = LabelChange {
            expected_version,
            name: name.map(|text| text.0),
            description: description.map_value(|text| text.0).into(),
            sql: sql.map(|text| text.0),
            platforms: platforms.map(each_into),
        };
        let (label, user_errors) = settle(ctx.fleet().update_label(ctx.actor(), id.public(), change).await)?;
        Ok(Some(UpdateLabelPayload { label: label.map(Label), user_errors }))
    }

    /// Deletes a label that no scheduled query, pack, policy or layer of configuration asks for. Campaigns keep their
    /// targets.
    async fn delete_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteLabelInput,
    ) -> Result<Option<DeleteLabelPayload>> {
        let (id, user_errors) = settle(ctx.fleet().delete_label(ctx.actor(), input.id.public()).await)?;
        Ok(Some(DeleteLabelPayload { deleted_label_id: id.as_ref().map(shown), user_errors }))
    }

    /// Puts hosts into a manual label.
    async fn add_hosts_to_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which label, and which hosts.")] input: AddHostsToLabelInput,
    ) -> Result<Option<AddHostsToLabelPayload>> {
        let AddHostsToLabelInput { label_id, host_ids, names } = input;
        let hosts = by_hand(host_ids, names);
        let (done, user_errors) =
            settle(ctx.fleet().add_hosts_to_label(ctx.actor(), label_id.public(), &hosts).await)?;
        let (label, hosts_added, unmatched_names) = told(done);
        Ok(Some(AddHostsToLabelPayload { label, hosts_added, unmatched_names, user_errors }))
    }

    /// Takes hosts out of a manual label.
    async fn remove_hosts_from_label(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which label, and which hosts.")] input: RemoveHostsFromLabelInput,
    ) -> Result<Option<RemoveHostsFromLabelPayload>> {
        let RemoveHostsFromLabelInput { label_id, host_ids, names } = input;
        let hosts = by_hand(host_ids, names);
        let (done, user_errors) =
            settle(ctx.fleet().remove_hosts_from_label(ctx.actor(), label_id.public(), &hosts).await)?;
        let (label, hosts_removed, unmatched_names) = told(done);
        Ok(Some(RemoveHostsFromLabelPayload { label, hosts_removed, unmatched_names, user_errors }))
    }
}

fn by_hand(ids: Vec<Id<Host>>, names: Vec<Text>) -> HostsByHand {
    HostsByHand { ids: publics(ids), names: names.into_iter().map(|name| name.0).collect() }
}

/// The label, how many hosts joined or left, and the names that none has.
fn told(done: Option<Relabelled>) -> (Option<Label>, i32, Vec<String>) {
    let Some(Relabelled { label, hosts, unmatched }) = done else { return (None, 0, Vec::new()) };
    (Some(Label(label)), int(hosts), unmatched)
}
