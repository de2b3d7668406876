//! Exporting what hosts run, in a form that imports to the same state.

mod labels;

use std::collections::{BTreeMap, HashMap};

use entity::id::{LabelId, PackId, PolicyId, PublicId, TeamId};
use entity::kind::ScheduleLogging;
use entity::policies::Model as PolicyRow;
use entity::saved_queries::Model as SavedQuery;

use super::osquery_config::{ForLabels as StoredForLabels, Layer as StoredLayer, document};
use super::packs::{self, Pack as PackRow};
use super::schedule::{Conditions as Stored, LabelScope, Schedule as StoredSchedule};
use super::{Fleet, FleetError};
use crate::interchange::model::{
    Conditions, ForLabels, Layer, Logging, Pack, Policy, Query, Schedule, Sql, TeamName,
};
use crate::interchange::node::Node;
use crate::interchange::{At, Collection, Place, write};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{
    label_layers, labels as label_rows, osquery_configs, packs as rows, policies, saved_queries, teams,
};

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Our own YAML, which holds everything.
    Own,
    /// A configuration of osquery, for hosts of one team, or of none.
    Osquery,
}

/// An export.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What was written.
    pub text: String,
    /// What has no place in that form.
    pub left_out: Vec<String>,
}

impl Fleet {
    /// Writes labels, queries, packs, policies and configuration: of one team; without a team everything that is visible in our own form,
    /// and what is global in osquery's. In osquery's form a team's hosts get what is global as well.
    ///
    /// # Errors
    /// Denied; not found (the team); unavailable.
    pub async fn export(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        form: Form,
    ) -> Result<Exported, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        allow(actor, Action::ReadConfiguration, None)?;
        let team = match team {
            None => None,
            Some(id) => {
                let found =
                    teams::by_public_ids(self.store.reader(), &scope, std::slice::from_ref(id)).await?;
                Some(found.first().ok_or(FleetError::NotFound("team"))?.id)
            }
        };
        let is_wanted = |of: TeamId| match form {
            Form::Own => team.is_none_or(|team| team == of),
            Form::Osquery => of == TeamId::NONE || team == Some(of),
        };
        let mut collection = self.collect(&scope, &is_wanted).await?;
        let (labels, mut left_out) = self.labels_to_export(actor, &scope, is_wanted).await?;
        collection.labels = labels;
        Ok(match form {
            Form::Own => Exported { text: write::own(&collection), left_out },
            Form::Osquery => {
                let (text, others) = write::osquery(&collection);
                left_out.extend(others);
                Exported { text, left_out }
            }
        })
    }

    /// What is visible and wanted, as the interchange has it.
    async fn collect(
        &self,
        scope: &Scope,
        is_wanted: &impl Fn(TeamId) -> bool,
    ) -> Result<Collection, FleetError> {
        let db = self.store.reader();
        let layers = osquery_configs::all(db, scope).await?.into_iter().map(StoredLayer::from);
        let for_labels = label_layers::all(db, scope).await?.into_iter().map(StoredLayer::from);
        let layers: Vec<StoredLayer> =
            layers.chain(for_labels).filter(|layer| is_wanted(layer.team)).collect();
        let mut queries = saved_queries::all(db, scope).await?;
        let mut packs = rows::all(db, scope).await?;
        queries.retain(|query| is_wanted(query.team_id));
        packs.retain(|pack| is_wanted(pack.team_id));
        let mut policies = policies::all(db, scope).await?;
        policies.retain(|policy| is_wanted(policy.team_id));
        let narrowed = policies::labels_of(db, scope, None).await?;
        let names = self.names(scope, (&queries, &packs, &layers), (&policies, &narrowed)).await?;
        let mut in_packs: HashMap<PackId, Vec<Query>> = HashMap::new();
        for query in &queries {
            in_packs.entry(query.pack_id).or_default().push(names.query(query));
        }
        Ok(Collection {
            layers: layers.iter().map(|layer| names.layer(layer)).collect(),
            queries: in_packs.remove(&PackId::NONE).unwrap_or_default(),
            packs: packs
                .iter()
                .map(|pack| names.pack(pack, in_packs.remove(&pack.id).unwrap_or_default()))
                .collect(),
            policies: policies.iter().map(|policy| names.policy(policy, narrowed.get(&policy.id))).collect(),
            ..Collection::default()
        })
    }

    async fn names(
        &self,
        scope: &Scope,
        (queries, packs, layers): (&[SavedQuery], &[PackRow], &[StoredLayer]),
        (policies, narrowed): (&[PolicyRow], &Narrowed),
    ) -> Result<Names, FleetError> {
        let scopes =
            queries.iter().map(|query| &query.label_scope).chain(packs.iter().map(|pack| &pack.label_scope));
        let mut wanted: Vec<LabelId> =
            scopes.flat_map(|text| LabelScope::stored(text).labels().collect::<Vec<_>>()).collect();
        let mut of: Vec<TeamId> = queries.iter().map(|query| query.team_id).collect();
        wanted.extend(narrowed.values().flatten().map(|(label, _)| *label));
        let for_labels = layers.iter().filter_map(|layer| layer.for_labels.as_ref());
        wanted.extend(for_labels.flat_map(|layer| layer.labels.labels()));
        of.extend(policies.iter().map(|policy| policy.team_id));
        of.extend(packs.iter().map(|pack| pack.team_id).chain(layers.iter().map(|layer| layer.team)));
        wanted.sort_unstable();
        wanted.dedup();
        of.sort_unstable();
        of.dedup();
        let db = self.store.reader();
        let labels = label_rows::by_ids(db, scope, &wanted).await?;
        let teams = teams::by_ids(db, scope, &of).await?;
        Ok(Names {
            labels: labels.into_iter().map(|label| (label.id, label.name)).collect(),
            teams: teams.into_iter().map(|team| (team.id, team.name)).collect(),
        })
    }
}

/// The labels that narrow policies, each with whether hosts that have it are left out.
type Narrowed = BTreeMap<PolicyId, Vec<(LabelId, bool)>>;

/// What things are called outside.
struct Names {
    labels: HashMap<LabelId, String>,
    teams: HashMap<TeamId, String>,
}

impl Names {
    fn team(&self, id: TeamId) -> TeamName {
        self.teams.get(&id).cloned().map(at)
    }

    fn query(&self, row: &SavedQuery) -> Query {
        Query {
            team: self.team(row.team_id),
            name: at(row.name.clone()),
            sql: at(Sql::Text(row.sql.clone())),
            description: row.description.clone(),
            observer_can_run: row.observer_can_run,
            schedule: StoredSchedule::of(row).map(|schedule| self.schedule(schedule)),
        }
    }

    fn schedule(&self, schedule: StoredSchedule) -> Schedule {
        let StoredSchedule { interval_s, logging, conditions, denylist, discard_data, automations } =
            schedule;
        Schedule {
            interval_s: at(i64::from(interval_s)),
            logging: match logging {
                ScheduleLogging::Snapshot => Logging::Snapshot,
                ScheduleLogging::Differential => Logging::Differential,
                ScheduleLogging::DifferentialIgnoreRemovals => Logging::DifferentialIgnoreRemovals,
            },
            conditions: self.conditions(conditions),
            denylist,
            discard_data,
            automations,
        }
    }

    fn conditions(&self, conditions: Stored) -> Conditions {
        let Stored { platform, min_osquery_version, shard, labels } = conditions;
        Conditions {
            platform: platform.map(at),
            min_osquery_version: min_osquery_version.map(at),
            shard: shard.map(|shard| at(i64::from(shard))),
            include_any: self.label_names(&labels.include_any),
            exclude_any: self.label_names(&labels.exclude_any),
        }
    }

    /// The names of labels. One that is gone stays as what no label is called, so that nothing is widened.
    fn label_names(&self, ids: &[LabelId]) -> Vec<At<String>> {
        let name = |id: &LabelId| {
            self.labels.get(id).cloned().unwrap_or_else(|| format!("(label {} is gone)", id.0))
        };
        ids.iter().map(name).map(at).collect()
    }

    fn pack(&self, row: &PackRow, queries: Vec<Query>) -> Pack {
        Pack {
            team: self.team(row.team_id),
            name: at(row.name.clone()),
            description: row.description.clone(),
            conditions: self.conditions(packs::conditions(row)),
            discovery: packs::discovery(row).into_iter().map(at).collect(),
            enabled: row.enabled,
            queries,
        }
    }

    fn policy(&self, row: &PolicyRow, labels: Option<&Vec<(LabelId, bool)>>) -> Policy {
        let those = |wanted: bool| {
            let those = labels.into_iter().flatten().filter(move |(_, is_excluded)| *is_excluded == wanted);
            self.label_names(&those.map(|(label, _)| *label).collect::<Vec<_>>())
        };
        Policy {
            team: self.team(row.team_id),
            name: at(row.name.clone()),
            sql: at(row.sql.clone()),
            description: row.description.clone(),
            resolution: row.resolution.clone(),
            critical: row.critical,
            conditions: Conditions {
                platform: (!row.platforms.is_empty()).then(|| at(row.platforms.clone())),
                include_any: those(false),
                exclude_any: those(true),
                ..Conditions::default()
            },
        }
    }

    fn layer(&self, layer: &StoredLayer) -> Layer {
        let members = serde_json::Value::Object(document(&layer.document));
        let for_labels = |StoredForLabels { name, priority, labels }: &StoredForLabels| ForLabels {
            name: at(name.clone()),
            priority: Some(at(i64::from(*priority))),
            include_any: self.label_names(&labels.include_any),
            exclude_any: self.label_names(&labels.exclude_any),
        };
        Layer {
            team: self.team(layer.team),
            platform: layer.platform.map(|platform| at(platform.as_str().to_owned())),
            for_labels: layer.for_labels.as_ref().map(for_labels),
            document: Node::of_json(&Place::start("export"), &members),
        }
    }
}

/// A value of the database: it stands nowhere.
fn at<T>(value: T) -> At<T> {
    At::new(Place::start("export"), value)
}
