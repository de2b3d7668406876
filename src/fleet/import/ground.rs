//! What an import stands on: the transaction, who acts where, and what is there already.

use std::collections::{BTreeSet, HashMap};

use entity::id::{PackId, PolicyId, PublicId, TeamId};
use entity::kind::ChangeKind;
use entity::saved_queries::Model as SavedQuery;
use sea_orm::DatabaseTransaction;

use super::{Existing, Kind, Note, Outcome, Thing};
use crate::fleet::schedule::NewConditions;
use crate::fleet::{Fleet, FleetError, Rejection};
use crate::interchange::At;
use crate::interchange::model::{Conditions, TeamName};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{labels, saved_queries, teams};

/// Saved queries of a team by pack and name.
pub(super) type Known = HashMap<(PackId, String), SavedQuery>;

/// An import under way.
pub(super) struct Ground<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) actor: &'a Actor,
    pub(super) tx: &'a DatabaseTransaction,
    /// The team that everything goes to.
    team: Option<TeamId>,
    pub(super) existing: Existing,
    pub(super) things: Vec<Thing>,
    pub(super) notes: Vec<Note>,
    /// Teams whose hosts are configured differently now.
    pub(super) touched: BTreeSet<TeamId>,
    /// What else servers must be told of.
    pub(super) told: Vec<(ChangeKind, i64)>,
    /// Policies that were made or changed.
    pub(super) policies: Vec<PolicyId>,
    /// Teams by name, as far as they were asked for; none when the actor may not import there.
    teams: HashMap<Option<String>, Option<(TeamId, Option<String>)>>,
    /// Saved queries of teams, as far as they were asked for.
    queries: HashMap<TeamId, Known>,
    /// Labels by team and name, as far as they were asked for.
    labels: HashMap<(TeamId, String), Option<PublicId>>,
}

/// Where a thing goes.
#[derive(Clone, Debug)]
pub(super) struct Team {
    pub(super) id: TeamId,
    pub(super) name: Option<String>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(
        fleet: &'a Fleet,
        actor: &'a Actor,
        tx: &'a DatabaseTransaction,
        (team, existing): (Option<TeamId>, Existing),
    ) -> Self {
        Self {
            fleet,
            actor,
            tx,
            team,
            existing,
            things: Vec::new(),
            notes: Vec::new(),
            touched: BTreeSet::new(),
            told: Vec::new(),
            policies: Vec::new(),
            teams: HashMap::new(),
            queries: HashMap::new(),
            labels: HashMap::new(),
        }
    }

    /// The team that a thing goes to; none when there is none of that name where the actor may import.
    pub(super) async fn team(&mut self, name: &TeamName) -> Result<Option<Team>, FleetError> {
        let name = name.as_ref().filter(|_| self.team.is_none()).map(|name| name.value.clone());
        if !self.teams.contains_key(&name) {
            let found = self.look_up(name.as_deref()).await?;
            self.teams.insert(name.clone(), found);
        }
        Ok(self.teams.get(&name).cloned().flatten().map(|(id, name)| Team { id, name }))
    }

    async fn look_up(&self, name: Option<&str>) -> Result<Option<(TeamId, Option<String>)>, FleetError> {
        let scope = allow(self.actor, Action::ReadTeams, None)?;
        let found = match (self.team, name) {
            (Some(id), _) => teams::by_ids(self.tx, &scope, &[id]).await?.pop(),
            (None, Some(name)) => teams::by_name(self.tx, &scope, name).await?,
            (None, None) => None,
        };
        let team = match (found, self.team, name) {
            (Some(team), ..) => (team.id, Some(team.name)),
            (None, None, None) => (TeamId::NONE, None),
            (None, ..) => return Ok(None),
        };
        let may = [Action::ManageSavedQueries, Action::ManageConfiguration];
        Ok(may.iter().all(|action| allow(self.actor, *action, Some(team.0)).is_ok()).then_some(team))
    }

    /// Notes what a thing became.
    pub(super) fn note(
        &mut self,
        (kind, name, pack): (Kind, &At<String>, Option<&str>),
        team: Option<String>,
        (outcome, reasons): (Outcome, Vec<String>),
    ) {
        let pack = pack.map(ToOwned::to_owned);
        let (name, place) = (name.value.clone(), name.place.clone());
        self.things.push(Thing { kind, name, pack, team, place, outcome, reasons });
    }

    /// Notes a thing whose team is not there.
    pub(super) fn homeless(&mut self, what: (Kind, &At<String>, Option<&str>), team: &TeamName) {
        let name = team.as_ref().map(|team| team.value.clone());
        let reason = match &name {
            Some(name) => {
                format!("there is no team `{name}` where you may import; make it, or name another for all")
            }
            None => "it is in no team, and you may not change what is global; name a team for it".to_owned(),
        };
        self.note(what, name, (Outcome::Refused, vec![reason]));
    }

    /// Saved queries of a team, as they are now.
    pub(super) async fn known(&mut self, team: TeamId) -> Result<&mut Known, FleetError> {
        if !self.queries.contains_key(&team) {
            let found = saved_queries::of_team(self.tx, &Scope::system(), team).await?;
            let known = found.into_iter().map(|query| ((query.pack_id, query.name.clone()), query)).collect();
            self.queries.insert(team, known);
        }
        Ok(self.queries.entry(team).or_default())
    }

    /// Conditions with labels by id; those that are not there are mistakes.
    pub(super) async fn conditions(
        &mut self,
        conditions: &Conditions,
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<NewConditions, FleetError> {
        let Conditions { platform, min_osquery_version, shard, include_any, exclude_any } = conditions;
        Ok(NewConditions {
            platform: platform.as_ref().map(|at| at.value.clone()),
            min_osquery_version: min_osquery_version.as_ref().map(|at| at.value.clone()),
            shard: shard.as_ref().map(|at| i32::try_from(at.value).unwrap_or(i32::MAX)),
            include_any: self.labels(include_any, team, mistakes).await?,
            exclude_any: self.labels(exclude_any, team, mistakes).await?,
        })
    }

    /// The labels of these names; those that are not there are mistakes.
    pub(super) async fn labels(
        &mut self,
        names: &[At<String>],
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<Vec<PublicId>, FleetError> {
        let mut ids = Vec::new();
        for name in names {
            let key = (team, name.value.clone());
            if !self.labels.contains_key(&key) {
                let found = labels::by_name(self.tx, &Scope::of_host(team), team, &name.value).await?;
                self.labels.insert(key.clone(), found.map(|label| label.public_id));
            }
            if let Some(id) = self.labels.get(&key).cloned().flatten() {
                ids.push(id);
            } else {
                mistakes.push(format!("there is no label `{}` (line {})", name.value, name.place.line));
            }
        }
        Ok(ids)
    }
}

/// The value, or none and what is wrong with it.
pub(super) fn note<T>(
    checked: Result<T, FleetError>,
    mistakes: &mut Vec<String>,
) -> Result<Option<T>, FleetError> {
    match checked {
        Ok(value) => Ok(Some(value)),
        Err(FleetError::Rejected(rejections)) => {
            mistakes.extend(rejections.into_iter().map(sentence));
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn sentence(Rejection { message, location, .. }: Rejection) -> String {
    match location {
        Some((line, column)) => format!("{message} (line {line}, column {column} of the SQL)"),
        None => message,
    }
}
