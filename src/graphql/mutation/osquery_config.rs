//! What hosts are configured with.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::fleet::osquery_config::LayerChange;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics};
use crate::graphql::model::host::Platform;
use crate::graphql::model::label::Label;
use crate::graphql::model::osquery_config::{ConfigWarning, OsqueryConfigLayer};
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;
use crate::graphql::user_error::{UserError, settle};

/// Writes of configurations.
#[derive(Default)]
pub(super) struct OsqueryConfigMutation;

/// Input of saveOsqueryConfigLayer.
#[derive(InputObject)]
struct SaveOsqueryConfigLayerInput {
    /// The team whose hosts it is for; left out for all hosts.
    team_id: Option<Id<Team>>,
    /// The platform whose hosts it is for; left out for every one.
    platform: Option<Platform>,
    /// The name of a layer for labels, unique in its team: it replaces the one that is called so, with platform,
    /// priority and labels. Left out for a layer that does not ask for labels.
    name: Option<Text>,
    /// Of a layer for labels: it is laid over those with less, 0 to 1,000; 100 when left out.
    priority: Option<i32>,
    /// Of a layer for labels: a host must have one of these; at most 100.
    #[graphql(default)]
    labels_include_any: Vec<Id<Label>>,
    /// Of a layer for labels: a host must have none of these; at most 100.
    #[graphql(default)]
    labels_exclude_any: Vec<Id<Label>>,
    /// The whole layer, a JSON object as text; it replaces the one before. A null in it takes away what a layer below
    /// has set. One for labels does not set `options.pack_delimiter`.
    document: Text,
    /// Version that was read; 0 when it was never written.
    expected_version: Option<i32>,
}

/// Answer of saveOsqueryConfigLayer.
#[derive(SimpleObject)]
struct SaveOsqueryConfigLayerPayload {
    /// The layer after the call, or null when there are errors.
    layer: Option<OsqueryConfigLayer>,
    /// What has no effect, or another than it seems.
    warnings: Vec<ConfigWarning>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteOsqueryConfigLayer.
#[derive(InputObject)]
struct DeleteOsqueryConfigLayerInput {
    /// The team whose hosts it is for; left out for all hosts.
    team_id: Option<Id<Team>>,
    /// Its name.
    name: Text,
}

/// Answer of deleteOsqueryConfigLayer.
#[derive(SimpleObject)]
struct DeleteOsqueryConfigLayerPayload {
    /// Name that was deleted.
    deleted_layer_name: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl OsqueryConfigMutation {
    /// Replaces a layer of configuration. Nothing is saved that an agent would drop, misread or die of; every host
    /// gets it when it fetches its configuration next.
    async fn save_osquery_config_layer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which layer, and what it is from now on.")] input: SaveOsqueryConfigLayerInput,
    ) -> Result<Option<SaveOsqueryConfigLayerPayload>> {
        let change = input.into_change();
        let (saved, user_errors) = settle(ctx.fleet().save_config_layer(ctx.actor(), change).await)?;
        let (layer, warnings) = saved.map(|saved| (saved.layer, saved.warnings)).unzip();
        Ok(Some(SaveOsqueryConfigLayerPayload {
            layer: layer.map(OsqueryConfigLayer),
            warnings: warnings.into_iter().flatten().map(ConfigWarning::from).collect(),
            user_errors,
        }))
    }

    /// Deletes a layer for labels. Others are emptied by saving them empty.
    async fn delete_osquery_config_layer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteOsqueryConfigLayerInput,
    ) -> Result<Option<DeleteOsqueryConfigLayerPayload>> {
        let team = input.team_id.map(Id::into_public);
        let deleted = ctx.fleet().delete_config_layer(ctx.actor(), team.as_ref(), &input.name.0).await;
        let (deleted_layer_name, user_errors) = settle(deleted)?;
        Ok(Some(DeleteOsqueryConfigLayerPayload { deleted_layer_name, user_errors }))
    }
}

impl SaveOsqueryConfigLayerInput {
    /// The change that it asks for.
    fn into_change(self) -> LayerChange {
        LayerChange {
            team: self.team_id.map(Id::into_public),
            platform: self.platform.map(Into::into),
            name: self.name.map(|name| name.0),
            priority: self.priority,
            include_any: publics(self.labels_include_any),
            exclude_any: publics(self.labels_exclude_any),
            document: self.document.0,
            expected_version: self.expected_version,
        }
    }
}
