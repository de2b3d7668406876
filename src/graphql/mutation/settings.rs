//! Settings that guard the fleet.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::guard::{Restriction, SettingsChange};
use crate::fleet::{FleetError, RejectionCode};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::host_filter::each_into;
use crate::graphql::model::settings::{AdditionalQueryInput, FleetSettings, RestrictionInput};
use crate::graphql::user_error::{UserError, settle};

/// Writes of settings.
#[derive(Default)]
pub(super) struct SettingsMutation;

/// Input of updateSettings; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdateSettingsInput {
    /// Version that was read.
    expected_version: Option<i32>,
    /// True stops all dispatch at once: check-ins hand out no query until it is false.
    dispatch_stopped: Option<bool>,
    /// More hosts than this only an admin of each of their teams may run on.
    target_cap: MaybeUndefined<i32>,
    /// What SQL may not name, on any host; replaces the list.
    restrictions: Option<Vec<RestrictionInput>>,
    /// Days after which hosts that are not seen any more are deleted, up to 3,650; 0 or null for never. Teams may say
    /// otherwise.
    host_expiry_days: MaybeUndefined<i32>,
    /// What every host is asked beside its vitals; replaces the list. Rows of queries that are removed are deleted.
    additional_queries: Option<Vec<AdditionalQueryInput>>,
}

/// Answer of updateSettings.
#[derive(SimpleObject)]
struct UpdateSettingsPayload {
    /// The settings after the call, or null when there are errors.
    settings: Option<FleetSettings>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl SettingsMutation {
    /// Changes settings of the whole fleet. Every server follows within a second.
    async fn update_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateSettingsInput,
    ) -> Result<Option<UpdateSettingsPayload>> {
        let updated = match input.into_change() {
            Ok(change) => ctx.fleet().update_fleet_settings(ctx.actor(), change).await,
            Err(refused) => Err(refused),
        };
        let (settings, user_errors) = settle(updated)?;
        Ok(Some(UpdateSettingsPayload { settings: settings.map(FleetSettings), user_errors }))
    }
}

impl UpdateSettingsInput {
    fn into_change(self) -> std::result::Result<SettingsChange, FleetError> {
        let Self {
            expected_version,
            dispatch_stopped,
            target_cap,
            restrictions,
            host_expiry_days,
            additional_queries,
        } = self;
        let negative = |_| {
            let message = "a cap is a number of hosts, from 0";
            FleetError::rejected(RejectionCode::Invalid, "targetCap", message)
        };
        let target_cap: Option<Option<i32>> = target_cap.into();
        let cap = |cap: Option<i32>| cap.map(|cap| u32::try_from(cap).map_err(negative)).transpose();
        Ok(SettingsChange {
            expected_version,
            dispatch_stopped,
            target_cap: target_cap.map(cap).transpose()?,
            restrictions: restrictions.map(|list| list.into_iter().map(Restriction::from).collect()),
            host_expiry_days: host_expiry_days.into(),
            additional_queries: additional_queries.map(each_into),
        })
    }
}
