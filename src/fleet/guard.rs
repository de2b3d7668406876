//! Settings that guard the fleet: the switch that stops all dispatch, how many hosts a campaign may ask without an
//! admin, and what SQL may name.

use entity::id::TeamId;
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::activity::NewActivity;
use super::teams::Team;
use super::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::campaign_targets::TargetSet;
use crate::store::{changes, settings, settings_lock, teams};

/// Under which key the settings are stored.
const KEY: &str = "fleet";

/// Restrictions in one list at most.
const MAX_RESTRICTIONS: usize = 1_000;

/// Bytes of a restricted name at most.
const MAX_NAME_BYTES: usize = 128;

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
}

/// A table or function that not everybody may name in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// The name, in lower case.
    pub name: String,
    /// Who may.
    pub level: RestrictionLevel,
}

/// Who may name a restricted table or function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RestrictionLevel {
    /// Maintainers and admins.
    Maintainer,
    /// Nobody.
    Forbidden,
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
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self { version: 1, dispatch_stopped: false, target_cap: None, restrictions: Vec::new() }
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
    /// Denied; rejected (`expectedVersion`, `restrictions`); unavailable.
    pub async fn update_fleet_settings(
        &self,
        actor: &Actor,
        change: SettingsChange,
    ) -> Result<FleetSettings, FleetError> {
        let scope = allow(actor, Action::ManageSettings, Some(TeamId::NONE))?;
        let restrictions = change.restrictions.map(checked).transpose()?;
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
        };
        settings::put(&tx, KEY, &serde_json::to_string(&after).map_err(FleetError::internal)?).await?;
        let details = json!({ "from": before, "to": after });
        let kind = kind_of(&before, &after);
        self.record_activity(&tx, actor, NewActivity { kind, team: None, subject: None, details }).await?;
        changes::record(&tx, &[(ChangeKind::Settings, 0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(after)
    }

    /// Notes whether dispatch is stopped; check-ins look at nothing else.
    pub(super) async fn load_guard(&self) -> Result<(), FleetError> {
        let settings = stored(settings::get(self.store.reader(), &Scope::system(), KEY).await?)?;
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

    /// Whether so many hosts are more than everybody may run on.
    pub(super) async fn exceeds_cap(&self, targeted: u64) -> Result<bool, FleetError> {
        let settings = stored(settings::get(self.store.reader(), &Scope::system(), KEY).await?)?;
        Ok(settings.target_cap.is_some_and(|cap| targeted > u64::from(cap)))
    }
}

/// What SQL may not name on the hosts of a team, beside what holds everywhere.
#[must_use]
pub fn restrictions(team: &Team) -> Vec<Restriction> {
    serde_json::from_str(&team.restrictions).unwrap_or_default()
}

/// A list as it is stored: names in lower case, in order, each once with the strictest level.
///
/// # Errors
/// Rejected (`restrictions`): too many; a name that is none.
pub(super) fn checked(list: Vec<Restriction>) -> Result<Vec<Restriction>, FleetError> {
    let invalid = |message: String| FleetError::rejected(RejectionCode::Invalid, "restrictions", message);
    if list.len() > MAX_RESTRICTIONS {
        return Err(invalid(format!("at most {MAX_RESTRICTIONS} names can be restricted")));
    }
    let mut strictest = BTreeMap::new();
    for Restriction { name, level } in list {
        let name = name.trim().to_ascii_lowercase();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_name) {
            return Err(invalid(format!("`{name}` is no name of a table or function")));
        }
        let kept = strictest.entry(name).or_insert(level);
        *kept = level.max(*kept);
    }
    Ok(strictest.into_iter().map(|(name, level)| Restriction { name, level }).collect())
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

fn check_restriction(
    actor: &Actor,
    restriction: &Restriction,
    team: TeamId,
    named: Option<&Team>,
) -> Result<(), FleetError> {
    let Restriction { name, level } = restriction;
    let place = named.map_or("on hosts of no team".to_owned(), |team| format!("in team {}", team.name));
    let message = match level {
        RestrictionLevel::Forbidden => format!("SQL may not name `{name}` {place}"),
        RestrictionLevel::Maintainer if allow(actor, Action::RunRestrictedSql, Some(team)).is_ok() => {
            return Ok(());
        }
        RestrictionLevel::Maintainer => format!("only maintainers may run SQL that names `{name}` {place}"),
    };
    Err(FleetError::rejected(RejectionCode::NotAllowed, "source", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restriction(name: &str, level: RestrictionLevel) -> Restriction {
        Restriction { name: name.into(), level }
    }

    #[test]
    fn a_list_is_stored_in_order_each_name_once_and_at_its_strictest() {
        use RestrictionLevel::{Forbidden, Maintainer};
        let list = vec![
            restriction(" Sleep", Maintainer),
            restriction("CURL", Forbidden),
            restriction("curl", Maintainer),
        ];
        let stored = checked(list).expect("they are names");
        assert_eq!(stored, [restriction("curl", Forbidden), restriction("sleep", Maintainer)]);
        for bad in ["", "a b", "curl()", "naïve", &"x".repeat(129)] {
            assert!(checked(vec![restriction(bad, Forbidden)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_that_cannot_be_read_are_a_fault() {
        assert!(stored(Some("{".into())).is_err());
        assert_eq!(stored(None).ok(), Some(FleetSettings::default()));
    }
}
