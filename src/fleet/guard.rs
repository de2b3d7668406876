//! Settings that guard the fleet: the switch that stops all dispatch, how many hosts a campaign may ask without an
//! admin, and what SQL may name.

mod restrictions;

use entity::id::TeamId;
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

pub(super) use restrictions::checked;
pub use restrictions::{Restriction, RestrictionLevel, restrictions};
use restrictions::{check_restriction, refuse_named};

use super::activity::NewActivity;
use super::teams::Team;
use super::vitals::additional;
pub use super::vitals::additional::AdditionalQuery;
use super::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::campaign_targets::TargetSet;
use crate::store::{changes, settings, settings_lock, teams};

/// Under which key the settings are stored.
const KEY: &str = "fleet";

/// Days of expiry at most.
const MAX_EXPIRY_DAYS: u32 = 3_650;

/// Settings of the whole fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSettings {
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
    /// Check-ins hand out nothing, on any server.
    pub dispatch_stopped: bool,
    /// More hosts than this only an admin of each of their teams may run on.
    pub target_cap: Option<u32>,
    /// What SQL may not name, on any host.
    pub restrictions: Vec<Restriction>,
    /// Days after which hosts go that are not seen any more; none for never. Teams may say otherwise.
    #[serde(default)]
    pub host_expiry_days: Option<u32>,
    /// What every host is asked beside its vitals.
    #[serde(default)]
    pub additional_queries: Vec<AdditionalQuery>,
}

/// A change of the settings; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// The version that was read.
    pub expected_version: Option<i32>,
    /// Stop or resume all dispatch.
    pub dispatch_stopped: Option<bool>,
    /// Another cap; none inside removes it.
    pub target_cap: Option<Option<u32>>,
    /// Another list.
    pub restrictions: Option<Vec<Restriction>>,
    /// Other days of expiry; none inside for never.
    pub host_expiry_days: Option<Option<i32>>,
    /// Other additional queries.
    pub additional_queries: Option<Vec<AdditionalQuery>>,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            version: 1,
            dispatch_stopped: false,
            target_cap: None,
            restrictions: Vec::new(),
            host_expiry_days: None,
            additional_queries: Vec::new(),
        }
    }
}

impl Fleet {
    /// The settings of the fleet.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn fleet_settings(&self, actor: &Actor) -> Result<FleetSettings, FleetError> {
        let scope = allow(actor, Action::ReadSettings, None)?;
        stored(settings::get(self.store.reader(), &scope, KEY).await?)
    }

    /// Changes the settings of the fleet. Every server follows within a second.
    ///
    /// # Errors
    /// Denied; rejected (`expectedVersion`, `restrictions`, `hostExpiryDays`, `additionalQueries`); unavailable.
    pub async fn update_fleet_settings(
        &self,
        actor: &Actor,
        change: SettingsChange,
    ) -> Result<FleetSettings, FleetError> {
        let scope = allow(actor, Action::ManageSettings, Some(TeamId::NONE))?;
        let restrictions = change.restrictions.map(checked).transpose()?;
        let days = change.host_expiry_days.map(|days| days.map(checked_days).transpose()).transpose()?;
        let additional = change.additional_queries.map(additional::checked).transpose()?;
        let is_asking = additional.is_some();
        let tx = self.store.begin().await?;
        settings_lock(&tx).await?;
        let before = stored(settings::get(&tx, &scope, KEY).await?)?;
        if change.expected_version.is_some_and(|version| version != before.version) {
            let message = format!("the settings have version {} now", before.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        let after = FleetSettings {
            version: before.version.saturating_add(1),
            dispatch_stopped: change.dispatch_stopped.unwrap_or(before.dispatch_stopped),
            target_cap: change.target_cap.unwrap_or(before.target_cap),
            restrictions: restrictions.unwrap_or_else(|| before.restrictions.clone()),
            host_expiry_days: days.unwrap_or(before.host_expiry_days),
            additional_queries: additional.map_or_else(
                || before.additional_queries.clone(),
                |list| additional::dated(list, &before.additional_queries, self.clock.now()),
            ),
        };
        if is_asking {
            for query in &after.additional_queries {
                refuse_named(&after.restrictions, "additionalQueries", &query.sql)?;
            }
        }
        additional::forget_removed(&tx, &before.additional_queries, &after.additional_queries).await?;
        settings::put(&tx, KEY, &serde_json::to_string(&after).map_err(FleetError::internal)?).await?;
        let details = json!({ "from": before, "to": after });
        let kind = kind_of(&before, &after);
        self.record_activity(&tx, actor, NewActivity { kind, team: None, subject: None, details }).await?;
        changes::record(&tx, &[(ChangeKind::Settings, 0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(after)
    }

    /// The settings, for a task.
    pub(super) async fn settings_in_force(&self) -> Result<FleetSettings, FleetError> {
        stored(settings::get(self.store.reader(), &Scope::system(), KEY).await?)
    }

    /// Notes whether dispatch is stopped; check-ins look at nothing else.
    pub(super) async fn load_guard(&self) -> Result<(), FleetError> {
        let settings = self.settings_in_force().await?;
        self.campaigns.dispatch_stopped.store(settings.dispatch_stopped, Ordering::Relaxed);
        Ok(())
    }

    /// Refuses a campaign that the settings do not let this actor start.
    ///
    /// # Errors
    /// Rejected (`targets`: over the cap; `source`: a restricted name); unavailable.
    pub(super) async fn check_guard(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        sql: &str,
        targets: &TargetSet,
    ) -> Result<(), FleetError> {
        let settings = stored(settings::get(tx, &Scope::system(), KEY).await?)?;
        let ids: Vec<TeamId> = targets.sizes().map(|(team, _)| team).collect();
        let found = teams::by_ids(tx, &Scope::system(), &ids).await?;
        let found: BTreeMap<TeamId, Team> = found.into_iter().map(|team| (team.id, team)).collect();
        if let Some(cap) = settings.target_cap.filter(|cap| targets.len() > u64::from(*cap)) {
            check_cap(actor, cap, &ids)?;
        }
        let touched = sql::names(sql);
        for id in ids {
            let own = found.get(&id).map(restrictions).unwrap_or_default();
            let named = settings.restrictions.iter().chain(&own).filter(|one| touched.contains(&one.name));
            let Some(strictest) = named.max_by_key(|one| one.level) else { continue };
            check_restriction(actor, strictest, id, found.get(&id))?;
        }
        Ok(())
    }

    /// Refuses SQL that hosts would be asked now and then, of a team or of all, where it names what nobody may name there.
    ///
    /// # Errors
    /// Rejected at `path`; unavailable.
    pub(super) async fn refuse_forbidden(
        &self,
        tx: &DatabaseTransaction,
        team: TeamId,
        (path, sql): (&'static str, &str),
    ) -> Result<(), FleetError> {
        let settings = stored(settings::get(tx, &Scope::system(), KEY).await?)?;
        let found = teams::by_ids(tx, &Scope::system(), &[team]).await?.pop();
        let own = found.as_ref().map(restrictions).unwrap_or_default();
        refuse_named(settings.restrictions.iter().chain(&own), path, sql)
    }

    /// Whether so many hosts are more than everybody may run on.
    pub(super) async fn exceeds_cap(&self, targeted: u64) -> Result<bool, FleetError> {
        let settings = stored(settings::get(self.store.reader(), &Scope::system(), KEY).await?)?;
        Ok(settings.target_cap.is_some_and(|cap| targeted > u64::from(cap)))
    }
}

/// Days of expiry, as they are stored.
///
/// # Errors
/// Rejected (`hostExpiryDays`): negative, or more than ten years.
pub(super) fn checked_days(days: i32) -> Result<u32, FleetError> {
    let checked = u32::try_from(days).ok().filter(|days| *days <= MAX_EXPIRY_DAYS);
    let message = "days of expiry are a number from 0, for never, to 3,650";
    checked.ok_or_else(|| FleetError::rejected(RejectionCode::Invalid, "hostExpiryDays", message))
}

/// The settings of a stored value. One that can't be read is a fault: the guard never falls open.
fn stored(value: Option<String>) -> Result<FleetSettings, FleetError> {
    match value {
        None => Ok(FleetSettings::default()),
        Some(text) => serde_json::from_str(&text).map_err(FleetError::internal),
    }
}

fn kind_of(before: &FleetSettings, after: &FleetSettings) -> &'static str {
    match (before.dispatch_stopped, after.dispatch_stopped) {
        (false, true) => "dispatch.stopped",
        (true, false) => "dispatch.resumed",
        _ => "settings.updated",
    }
}

fn check_cap(actor: &Actor, cap: u32, teams: &[TeamId]) -> Result<(), FleetError> {
    if teams.iter().all(|team| allow(actor, Action::RunOnMany, Some(*team)).is_ok()) {
        return Ok(());
    }
    let message =
        format!("more than {cap} hosts are selected: only an admin of all their teams may run that");
    Err(FleetError::rejected(RejectionCode::NotAllowed, "targets", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_read_are_a_fault() {
        assert!(stored(Some("{".into())).is_err());
        assert_eq!(stored(None).ok(), Some(FleetSettings::default()));
    }
}
