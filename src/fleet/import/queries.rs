//! Saved queries of an import.

use entity::id::{PackId, TeamId};
use entity::kind::ScheduleLogging;
use entity::saved_queries::Model as SavedQuery;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;

use super::ground::{Ground, Team, note};
use super::{Existing, Kind, Outcome};
use crate::fleet::saved_queries::NewSavedQuery;
use crate::fleet::schedule::{self, NewSchedule, Schedule};
use crate::fleet::{FleetError, input};
use crate::interchange::model::{Logging, Query, Sql};
use crate::sql;
use crate::store::saved_queries;

/// A query as it is to be, checked.
pub(super) struct Wanted {
    new: NewSavedQuery,
    schedule: Option<Schedule>,
}

/// The pack of a query, by id and name.
pub(super) type InPack<'a> = Option<(PackId, &'a str)>;

impl Ground<'_> {
    /// Saves a query that is in no pack.
    pub(super) async fn query(&mut self, query: &Query) -> Result<(), FleetError> {
        let Some(team) = self.team(&query.team).await? else {
            self.homeless((Kind::Query, &query.name, None), &query.team);
            return Ok(());
        };
        self.query_of(query, &team, None).await
    }

    /// Saves a query of a team, in a pack perhaps.
    pub(super) async fn query_of(
        &mut self,
        query: &Query,
        team: &Team,
        pack: InPack<'_>,
    ) -> Result<(), FleetError> {
        let mut mistakes = Vec::new();
        let wanted = self.wanted(query, team.id, &mut mistakes).await?;
        let done = match wanted {
            Some(wanted) => (self.save(wanted, team.id, pack).await?, mistakes),
            None => (Outcome::Refused, mistakes),
        };
        self.note((Kind::Query, &query.name, pack.map(|(_, name)| name)), team.name.clone(), done);
        Ok(())
    }

    /// The query as it is to be; none when there is a mistake.
    async fn wanted(
        &mut self,
        query: &Query,
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<Option<Wanted>, FleetError> {
        let Query { team: _, name, sql, description, observer_can_run, schedule } = query;
        let sql = match &sql.value {
            Sql::Text(text) => Some(text.clone()),
            Sql::Named(name) => self.sql_of(name, team, mistakes).await?,
        };
        let checked = sql
            .as_deref()
            .map_or(Ok(()), |sql| sql::lint(sql).map_err(|issue| FleetError::sql("sql", issue)));
        note(checked, mistakes)?;
        let name = note(input::name(&name.value, "name"), mistakes)?;
        note(input::description(description.as_deref()), mistakes)?;
        let new_schedule = match schedule {
            Some(schedule) => Some(self.schedule(schedule, team, mistakes).await?),
            None => None,
        };
        let mut checked = None;
        if let Some(new) = &new_schedule {
            note(schedule::check_name(name.as_deref().unwrap_or_default()), mistakes)?;
            checked = note(schedule::checked(self.tx, new, team).await, mistakes)?;
        }
        let (Some(name), Some(sql), true) = (name, sql, mistakes.is_empty()) else { return Ok(None) };
        let new = NewSavedQuery {
            name,
            sql,
            description: description.clone(),
            observer_can_run: *observer_can_run,
            team: None,
            pack: None,
            schedule: new_schedule,
        };
        Ok(Some(Wanted { new, schedule: checked }))
    }

    /// The SQL of a saved query that the texts only name: of the team, or a global one.
    async fn sql_of(
        &mut self,
        name: &str,
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<Option<String>, FleetError> {
        for place in [team, TeamId::NONE] {
            if let Some(query) = self.known(place).await?.get(&(PackId::NONE, name.to_owned())) {
                return Ok(Some(query.sql.clone()));
            }
        }
        mistakes.push(format!("it names the query `{name}`, which is neither in the files nor saved"));
        Ok(None)
    }

    async fn schedule(
        &mut self,
        schedule: &crate::interchange::model::Schedule,
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<NewSchedule, FleetError> {
        Ok(NewSchedule {
            interval_s: i32::try_from(schedule.interval_s.value).unwrap_or(i32::MAX),
            logging: match schedule.logging {
                Logging::Snapshot => ScheduleLogging::Snapshot,
                Logging::Differential => ScheduleLogging::Differential,
                Logging::DifferentialIgnoreRemovals => ScheduleLogging::DifferentialIgnoreRemovals,
            },
            conditions: self.conditions(&schedule.conditions, team, mistakes).await?,
            denylist: schedule.denylist,
            discard_data: schedule.discard_data,
            automations: schedule.automations,
        })
    }

    /// Makes or changes a query, and answers what it became.
    async fn save(&mut self, wanted: Wanted, team: TeamId, pack: InPack<'_>) -> Result<Outcome, FleetError> {
        let pack = pack.map_or(PackId::NONE, |(id, _)| id);
        let key = (pack, wanted.new.name.clone());
        let before = self.known(team).await?.get(&key).cloned();
        let is_scheduled = wanted.schedule.is_some();
        let (query, was_scheduled, outcome) = match before {
            None => (self.create(&wanted, (team, pack)).await?, false, Outcome::Created),
            Some(before) if wanted.is(&before) => return Ok(Outcome::Unchanged),
            Some(_) if self.existing == Existing::Skip => return Ok(Outcome::Skipped),
            Some(before) => {
                let was_scheduled = before.interval_s.is_some();
                (self.change(before, &wanted).await?, was_scheduled, Outcome::Changed)
            }
        };
        if is_scheduled || was_scheduled {
            self.touched.insert(team);
        }
        self.known(team).await?.insert(key, query);
        Ok(outcome)
    }

    async fn create(&self, wanted: &Wanted, place: (TeamId, PackId)) -> Result<SavedQuery, FleetError> {
        let mut row = self.fleet.row(self.actor, &wanted.new, place);
        Schedule::write(wanted.schedule.as_ref(), &mut row);
        let query = saved_queries::insert(self.tx, row).await?;
        self.fleet.record_of_query(self.tx, self.actor, "saved_query.created", &query).await?;
        Ok(query)
    }

    async fn change(&self, before: SavedQuery, wanted: &Wanted) -> Result<SavedQuery, FleetError> {
        let version = before.version.saturating_add(1);
        let mut row = before.into_active_model();
        row.sql = Set(wanted.new.sql.clone());
        row.description = Set(wanted.new.description.clone());
        row.observer_can_run = Set(wanted.new.observer_can_run);
        row.updated_at = Set(self.fleet.clock.now());
        row.version = Set(version);
        Schedule::write(wanted.schedule.as_ref(), &mut row);
        let query = saved_queries::update(self.tx, row).await?;
        self.fleet.record_of_query(self.tx, self.actor, "saved_query.updated", &query).await?;
        Ok(query)
    }

    /// Takes the queries out of a pack that the texts do not have in it.
    pub(super) async fn remove_others(
        &mut self,
        pack: PackId,
        kept: &crate::interchange::model::Pack,
        team: &Team,
    ) -> Result<(), FleetError> {
        let known = self.known(team.id).await?;
        let is_kept = |name: &str| kept.queries.iter().any(|query| query.name.value.trim() == name);
        let mut gone: Vec<_> =
            known.keys().filter(|(of, name)| *of == pack && !is_kept(name)).cloned().collect();
        gone.sort();
        let gone: Vec<SavedQuery> = gone.iter().filter_map(|key| known.remove(key)).collect();
        for query in gone {
            saved_queries::delete(self.tx, query.id).await?;
            self.fleet.record_of_query(self.tx, self.actor, "saved_query.deleted", &query).await?;
            self.touched.insert(team.id);
            let name = kept.name.clone().map(|_| query.name);
            let what = (Kind::Query, &name, Some(kept.name.value.as_str()));
            self.note(what, team.name.clone(), (Outcome::Removed, Vec::new()));
        }
        Ok(())
    }
}

impl Wanted {
    /// Whether a query is this one already.
    fn is(&self, query: &SavedQuery) -> bool {
        let Wanted { new, schedule } = self;
        new.sql == query.sql
            && is_same(new.description.as_deref(), query.description.as_deref())
            && new.observer_can_run == query.observer_can_run
            && *schedule == Schedule::of(query)
    }
}

/// Whether two descriptions say the same; an empty one says nothing.
pub(super) fn is_same(one: Option<&str>, other: Option<&str>) -> bool {
    one.unwrap_or_default() == other.unwrap_or_default()
}
