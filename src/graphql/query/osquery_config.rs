//! What hosts are configured with.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::host::Platform;
use crate::graphql::model::osquery_config::{OsqueryConfig, OsqueryConfigLayer};
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;

/// Reads of configurations.
#[derive(Default)]
pub(super) struct OsqueryConfigQuery;

#[Object]
impl OsqueryConfigQuery {
    /// A layer of configuration; an empty one when it was never written. One for labels is asked for by its name; null when
    /// there is none.
    async fn osquery_config_layer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The team whose hosts it is for; left out for all hosts.")] team_id: Option<
            Id<Team>,
        >,
        #[graphql(desc = "The platform whose hosts it is for; left out for every one.")] platform: Option<
            Platform,
        >,
        #[graphql(desc = "The name of a layer for labels, whatever its platform.")] name: Option<Text>,
    ) -> Result<Option<OsqueryConfigLayer>> {
        let (team, name) = (team_id.map(Id::into_public), name.map(|name| name.0));
        let which = (platform.map(Into::into), name.as_deref());
        let layer = ctx.fleet().config_layer(ctx.actor(), team.as_ref(), which).await?;
        Ok(layer.map(OsqueryConfigLayer))
    }

    /// The layers of configuration of a team, or those for all hosts: first those that do not ask for labels, then those
    /// that do, in the order in which they are laid over each other. There are few.
    async fn osquery_config_layers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The team whose hosts they are for; left out for all hosts.")] team_id: Option<
            Id<Team>,
        >,
    ) -> Result<Option<Vec<OsqueryConfigLayer>>> {
        let team = team_id.map(Id::into_public);
        let layers = ctx.fleet().config_layers(ctx.actor(), team.as_ref()).await?;
        Ok(Some(layers.into_iter().map(OsqueryConfigLayer).collect()))
    }

    /// The whole configuration of hosts of a team and platform: with every query and pack that some of them get by their
    /// labels, and without the layers for labels, of which `Host.osqueryConfig` has those that are for the host.
    async fn osquery_config(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The team; left out for hosts in none.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "The platform; left out for what every one has.")] platform: Option<Platform>,
    ) -> Result<Option<OsqueryConfig>> {
        let team = team_id.map(Id::into_public);
        let config =
            ctx.fleet().effective_config(ctx.actor(), team.as_ref(), platform.map(Into::into)).await?;
        Ok(Some(OsqueryConfig(config)))
    }
}
