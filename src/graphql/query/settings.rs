//! Settings that guard the fleet.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::settings::FleetSettings;

/// Reads of settings.
#[derive(Default)]
pub(super) struct SettingsQuery;

#[Object]
impl SettingsQuery {
    /// Settings of the whole fleet.
    async fn settings(&self, ctx: &Context<'_>) -> Result<Option<FleetSettings>> {
        Ok(Some(FleetSettings(ctx.fleet().fleet_settings(ctx.actor()).await?)))
    }
}
