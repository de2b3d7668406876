//! Schedules: when and where a saved query runs on its own, and what becomes of its results.

use std::collections::HashMap;

use entity::id::{LabelId, PublicId, TeamId};
pub use entity::kind::ScheduleLogging;
use entity::saved_queries::{ActiveModel, Model as SavedQuery};
use sea_orm::ActiveValue::Set;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};

use super::{FleetError, RejectionCode};
use crate::osquery::names;
use crate::policy::Scope;
use crate::store::labels;

/// Labels in one list at most.
const MAX_LABELS: usize = 100;

/// When and where a saved query runs on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// Seconds between two runs, 1 to 604,800.
    pub interval_s: i32,
    /// What is logged of a run.
    pub logging: ScheduleLogging,
    /// Where it runs.
    pub conditions: Conditions,
    /// An agent that dies while it runs it does not run it again for a day.
    pub denylist: bool,
    /// Its results are not kept as reports.
    pub discard_data: bool,
    /// Its results are shipped to destinations.
    pub automations: bool,
}

/// Where a scheduled query or a pack runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// Platforms, as osquery reads them; none for all.
    pub platform: Option<String>,
    /// Least osquery version.
    pub min_osquery_version: Option<String>,
    /// Percent of the hosts, 1 to 100; none for all.
    pub shard: Option<i32>,
    /// Which labels a host must have.
    pub labels: LabelScope,
}

/// Which labels a host must have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelScope {
    /// One of these; empty is no condition. A label that is gone is one that no host has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_any: Vec<LabelId>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_any: Vec<LabelId>,
}

/// A schedule as somebody writes it.
#[derive(Clone, Debug, Serialize)]
pub struct NewSchedule {
    /// Seconds between two runs.
    pub interval_s: i32,
    /// What is logged of a run.
    pub logging: ScheduleLogging,
    /// Where it runs.
    pub conditions: NewConditions,
    /// An agent that dies while it runs it does not run it again for a day.
    pub denylist: bool,
    /// Its results are not kept as reports.
    pub discard_data: bool,
    /// Its results are shipped to destinations.
    pub automations: bool,
}

/// Conditions as somebody writes them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewConditions {
    /// Platforms, with commas; none or empty for all.
    pub platform: Option<String>,
    /// Least osquery version.
    pub min_osquery_version: Option<String>,
    /// Percent of the hosts.
    pub shard: Option<i32>,
    /// A host must have one of these labels.
    pub include_any: Vec<PublicId>,
    /// A host must have none of these labels.
    pub exclude_any: Vec<PublicId>,
}

impl Schedule {
    /// The schedule of a saved query; none when it has none.
    #[must_use]
    pub fn of(query: &SavedQuery) -> Option<Self> {
        Some(Self {
            interval_s: query.interval_s?,
            logging: query.logging,
            conditions: Conditions {
                platform: query.platform.clone(),
                min_osquery_version: query.min_osquery_version.clone(),
                shard: query.shard,
                labels: LabelScope::stored(&query.label_scope),
            },
            denylist: query.denylist,
            discard_data: query.discard_data,
            automations: query.automations,
        })
    }

    /// Sets the columns of a saved query; without a schedule, to what they are at first.
    pub(super) fn write(schedule: Option<&Self>, row: &mut ActiveModel) {
        let nowhere = Conditions::default();
        let conditions = schedule.map_or(&nowhere, |schedule| &schedule.conditions);
        row.interval_s = Set(schedule.map(|schedule| schedule.interval_s));
        row.platform = Set(conditions.platform.clone());
        row.min_osquery_version = Set(conditions.min_osquery_version.clone());
        row.shard = Set(conditions.shard);
        row.label_scope = Set(conditions.labels.to_text());
        row.logging = Set(schedule.map_or(ScheduleLogging::Differential, |schedule| schedule.logging));
        row.denylist = Set(schedule.is_none_or(|schedule| schedule.denylist));
        row.discard_data = Set(schedule.is_some_and(|schedule| schedule.discard_data));
        row.automations = Set(schedule.is_none_or(|schedule| schedule.automations));
    }
}

impl LabelScope {
    /// The scope in a column. One that can't be read meets no host: it never falls open.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        serde_json::from_str(text)
            .unwrap_or_else(|_| Self { include_any: vec![LabelId(0)], exclude_any: Vec::new() })
    }

    /// The scope as a column has it.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Whether a host with these labels, in order, meets it.
    #[must_use]
    pub fn meets(&self, labels: &[LabelId]) -> bool {
        let has = |label: &LabelId| labels.binary_search(label).is_ok();
        (self.include_any.is_empty() || self.include_any.iter().any(has)) && !self.exclude_any.iter().any(has)
    }

    /// Every label that it asks for.
    pub fn labels(&self) -> impl Iterator<Item = LabelId> {
        self.include_any.iter().chain(&self.exclude_any).copied()
    }
}

/// The schedule that somebody wrote for a query of `team`, checked; labels by inside id.
///
/// # Errors
/// Rejected (`schedule.interval` and so on); unavailable.
pub(super) async fn checked(
    tx: &DatabaseTransaction,
    new: &NewSchedule,
    team: TeamId,
) -> Result<Schedule, FleetError> {
    let NewSchedule { interval_s, logging, conditions, denylist, discard_data, automations } = new;
    if !(1..=names::MAX_INTERVAL_S).contains(interval_s) {
        let message = "an interval is 1 to 604,800 seconds: osquery skips a query with any other";
        return Err(FleetError::rejected(RejectionCode::Invalid, "schedule.interval", message));
    }
    Ok(Schedule {
        interval_s: *interval_s,
        logging: *logging,
        conditions: checked_conditions(tx, conditions, team, &SCHEDULE).await?,
        denylist: *denylist,
        discard_data: *discard_data,
        automations: *automations,
    })
}

/// Where the fields of conditions are in an input.
pub(super) struct Paths {
    platform: &'static str,
    version: &'static str,
    shard: &'static str,
    include_any: &'static str,
    exclude_any: &'static str,
}

/// In a saved query.
const SCHEDULE: Paths = Paths {
    platform: "schedule.platform",
    version: "schedule.minOsqueryVersion",
    shard: "schedule.shard",
    include_any: "schedule.labelsIncludeAny",
    exclude_any: "schedule.labelsExcludeAny",
};

/// In a pack.
pub(super) const PACK: Paths = Paths {
    platform: "platform",
    version: "minOsqueryVersion",
    shard: "shard",
    include_any: "labelsIncludeAny",
    exclude_any: "labelsExcludeAny",
};

/// The conditions that somebody wrote for something of `team`, checked; labels by inside id.
///
/// # Errors
/// Rejected at these paths; unavailable.
pub(super) async fn checked_conditions(
    tx: &DatabaseTransaction,
    new: &NewConditions,
    team: TeamId,
    paths: &Paths,
) -> Result<Conditions, FleetError> {
    let invalid = |path| move |message: String| FleetError::rejected(RejectionCode::Invalid, path, message);
    let platform = names::platforms(new.platform.as_deref().unwrap_or_default());
    let version = names::version(new.min_osquery_version.as_deref().unwrap_or_default());
    if new.shard.is_some_and(|shard| !(1..=100).contains(&shard)) {
        return Err(invalid(paths.shard)("a shard is 1 to 100 percent of the hosts".to_owned()));
    }
    Ok(Conditions {
        platform: platform.map_err(invalid(paths.platform))?,
        min_osquery_version: version.map_err(invalid(paths.version))?,
        shard: new.shard,
        labels: LabelScope {
            include_any: label_ids(tx, &new.include_any, team, paths.include_any).await?,
            exclude_any: label_ids(tx, &new.exclude_any, team, paths.exclude_any).await?,
        },
    })
}

/// Inside ids of labels, in order: global ones, and those of the team itself.
///
/// # Errors
/// Rejected at `path`; unavailable.
pub(super) async fn label_ids(
    tx: &DatabaseTransaction,
    ids: &[PublicId],
    team: TeamId,
    path: &'static str,
) -> Result<Vec<LabelId>, FleetError> {
    if ids.len() > MAX_LABELS {
        return Err(FleetError::rejected(RejectionCode::LimitExceeded, path, "at most 100 labels"));
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = labels::by_public_ids(tx, &Scope::of_host(team), ids).await?;
    let known: HashMap<&PublicId, LabelId> = found.iter().map(|label| (&label.public_id, label.id)).collect();
    let unknown = || FleetError::rejected(RejectionCode::NotFound, path, "label not found");
    let mut ids =
        ids.iter().map(|id| known.get(id).copied().ok_or_else(unknown)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Refuses a name that no agent would run a scheduled query under.
///
/// # Errors
/// Rejected (`name`).
pub(super) fn check_name(name: &str) -> Result<(), FleetError> {
    match names::reserved(name) {
        Some(why) => Err(FleetError::rejected(RejectionCode::Invalid, "name", why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_of_labels() {
        let scope = |include: &[i64], exclude: &[i64]| LabelScope {
            include_any: include.iter().copied().map(LabelId).collect(),
            exclude_any: exclude.iter().copied().map(LabelId).collect(),
        };
        let has = [LabelId(1), LabelId(3)];
        assert!(scope(&[], &[]).meets(&has) && scope(&[2, 3], &[]).meets(&has));
        assert!(!scope(&[2], &[]).meets(&has) && !scope(&[], &[1]).meets(&has));
        assert!(!scope(&[1], &[3]).meets(&has), "none of those wins");
        assert_eq!(LabelScope::stored(&scope(&[2], &[9]).to_text()), scope(&[2], &[9]));
        assert!(!LabelScope::stored("nonsense").meets(&has));
    }
}
