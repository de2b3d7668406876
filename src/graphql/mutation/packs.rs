//! Packs.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::packs::{self, NewPack, PackChange};
use crate::fleet::schedule::NewConditions;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics, shown};
use crate::graphql::model::label::Label;
use crate::graphql::model::pack::{Pack, PackEdge};
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of packs.
#[derive(Default)]
pub(super) struct PackMutation;

/// Input of createPack.
#[derive(InputObject)]
struct CreatePackInput {
    /// Name.
    name: Text,
    /// Purpose.
    description: Option<Text>,
    /// Owner team; null for global.
    team_id: Option<Id<Team>>,
    /// Hosts are given it.
    #[graphql(default = true)]
    enabled: bool,
    /// Platforms it runs on, with commas: darwin, linux, windows, posix. All when left out.
    platform: Option<Text>,
    /// Least osquery version it runs on.
    min_osquery_version: Option<Text>,
    /// Percent of the hosts it runs on, 1 to 100.
    shard: Option<i32>,
    /// SQL that must all return a row on a host where it runs; at most 20.
    #[graphql(default)]
    discovery: Vec<Text>,
    /// A host must have one of these labels; at most 100.
    #[graphql(default)]
    labels_include_any: Vec<Id<Label>>,
    /// A host must have none of these labels; at most 100.
    #[graphql(default)]
    labels_exclude_any: Vec<Id<Label>>,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of createPack.
#[derive(SimpleObject)]
struct CreatePackPayload {
    /// The pack, or null when there are errors.
    pack: Option<Pack>,
    /// Edge to insert in a client's list.
    pack_edge: Option<PackEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of updatePack; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdatePackInput {
    /// Pack to change.
    id: Id<Pack>,
    /// Version that was read.
    expected_version: Option<i32>,
    /// New name.
    name: Option<Text>,
    /// New purpose.
    description: MaybeUndefined<Text>,
    /// Hosts are given it.
    enabled: Option<bool>,
    /// New platforms it runs on.
    platform: MaybeUndefined<Text>,
    /// New least osquery version it runs on.
    min_osquery_version: MaybeUndefined<Text>,
    /// New percent of the hosts it runs on.
    shard: MaybeUndefined<i32>,
    /// New SQL that must all return a row; replaces the list.
    discovery: Option<Vec<Text>>,
    /// New labels, one of which a host must have; replaces the list.
    labels_include_any: Option<Vec<Id<Label>>>,
    /// New labels, none of which a host may have; replaces the list.
    labels_exclude_any: Option<Vec<Id<Label>>>,
}

/// Answer of updatePack.
#[derive(SimpleObject)]
struct UpdatePackPayload {
    /// The pack after the call.
    pack: Option<Pack>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deletePack.
#[derive(InputObject)]
struct DeletePackInput {
    /// Pack to delete, with its queries.
    id: Id<Pack>,
}

/// Answer of deletePack.
#[derive(SimpleObject)]
struct DeletePackPayload {
    /// Id that was deleted, for the client's cache.
    deleted_pack_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl PackMutation {
    /// Makes a pack, without queries: createSavedQuery puts them in.
    async fn create_pack(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The pack.")] input: CreatePackInput,
    ) -> Result<Option<CreatePackPayload>> {
        let (new, key) = input.into_new();
        let (pack, user_errors) =
            settle(ctx.fleet().create_pack(ctx.actor(), new, text(key.as_ref())).await)?;
        let edge = |pack: packs::Pack| PackEdge::fresh(List::PACKS, pack.id.0, Pack(pack));
        let pack_edge = pack.clone().map(edge);
        Ok(Some(CreatePackPayload { pack: pack.map(Pack), pack_edge, user_errors }))
    }

    /// Changes a pack.
    async fn update_pack(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what changes.")] input: UpdatePackInput,
    ) -> Result<Option<UpdatePackPayload>> {
        let (id, change) = input.into_change();
        let (pack, user_errors) = settle(ctx.fleet().update_pack(ctx.actor(), id.public(), change).await)?;
        Ok(Some(UpdatePackPayload { pack: pack.map(Pack), user_errors }))
    }

    /// Deletes a pack and its queries.
    async fn delete_pack(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeletePackInput,
    ) -> Result<Option<DeletePackPayload>> {
        let (id, user_errors) = settle(ctx.fleet().delete_pack(ctx.actor(), input.id.public()).await)?;
        Ok(Some(DeletePackPayload { deleted_pack_id: id.as_ref().map(shown), user_errors }))
    }
}

impl CreatePackInput {
    /// The pack to make, and the idempotency key.
    fn into_new(self) -> (NewPack, Option<Text>) {
        let new = NewPack {
            name: self.name.0,
            description: self.description.map(|text| text.0),
            team: self.team_id.map(Id::into_public),
            enabled: self.enabled,
            conditions: NewConditions {
                platform: self.platform.map(|text| text.0),
                min_osquery_version: self.min_osquery_version.map(|text| text.0),
                shard: self.shard,
                include_any: publics(self.labels_include_any),
                exclude_any: publics(self.labels_exclude_any),
            },
            discovery: self.discovery.into_iter().map(|text| text.0).collect(),
        };
        (new, self.idempotency_key)
    }
}

impl UpdatePackInput {
    /// Which pack, and its change.
    fn into_change(self) -> (Id<Pack>, PackChange) {
        let change = PackChange {
            expected_version: self.expected_version,
            name: self.name.map(|text| text.0),
            description: self.description.map_value(|text| text.0).into(),
            platform: self.platform.map_value(|text| text.0).into(),
            min_osquery_version: self.min_osquery_version.map_value(|text| text.0).into(),
            shard: self.shard.into(),
            include_any: self.labels_include_any.map(publics),
            exclude_any: self.labels_exclude_any.map(publics),
            discovery: self.discovery.map(|list| list.into_iter().map(|text| text.0).collect()),
            enabled: self.enabled,
        };
        (self.id, change)
    }
}
