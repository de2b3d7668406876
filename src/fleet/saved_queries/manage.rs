//! Making, changing and deleting saved queries.

use entity::id::{PackId, PublicId, TeamId};
use entity::kind::ChangeKind;
use entity::saved_queries::ActiveModel;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use super::{NewSavedQuery, SavedQuery, SavedQueryChange};
use crate::auth::keys::new_public_id;
use crate::fleet::activity::NewActivity;
use crate::fleet::idempotency::{Keyed, start_over_once};
use crate::fleet::osquery_config::Views;
use crate::fleet::schedule::{self, Schedule};
use crate::fleet::{Fleet, FleetError, Rejection, RejectionCode, input, packs};
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::{changes, configuration_lock, saved_queries};

impl Fleet {
    /// Makes a saved query; the same `idempotency_key` by the same caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `sql`, `description`, `teamId`, `packId`, `schedule`, `idempotencyKey`); unavailable.
    pub async fn create_saved_query(
        &self,
        actor: &Actor,
        mut new: NewSavedQuery,
        idempotency_key: Option<&str>,
    ) -> Result<SavedQuery, FleetError> {
        let (team, pack) = self.place_of_query(actor, &new).await?;
        let request = Keyed {
            operation: "createSavedQuery",
            key: idempotency_key,
            input: json!(new).to_string().into_bytes(),
        };
        let mut mistakes = Mistakes::default();
        new.name = mistakes.note(input::name(&new.name, "name"))?.unwrap_or_default();
        mistakes.note(check_sql(&new.sql))?;
        mistakes.note(input::description(new.description.as_deref()))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_saved_query(actor, &new, (team, pack), &request)).await
    }

    /// Changes a saved query.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, `name`, `sql`, `description`, `schedule`); unavailable.
    pub async fn update_saved_query(
        &self,
        actor: &Actor,
        id: &PublicId,
        mut change: SavedQueryChange,
    ) -> Result<SavedQuery, FleetError> {
        allow(actor, Action::ManageSavedQueries, None)?;
        let mut mistakes = Mistakes::default();
        if let Some(name) = change.name {
            change.name = mistakes.note(input::name(&name, "name"))?;
        }
        if let Some(sql) = &change.sql {
            mistakes.note(check_sql(sql))?;
        }
        mistakes.note(input::description(change.description.as_ref().and_then(Option::as_deref)))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_change(actor, id, &change)).await
    }

    /// Deletes a saved query; its campaigns stay.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn delete_saved_query(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        allow(actor, Action::ManageSavedQueries, None)?;
        let tx = self.store.begin().await?;
        let query = managed(&tx, actor, id).await?;
        saved_queries::delete(&tx, query.id).await?;
        self.record_of_query(&tx, actor, "saved_query.deleted", &query).await?;
        self.commit_schedule(tx, query.team_id, query.interval_s.is_some()).await?;
        Ok(query.public_id)
    }

    /// Where a new query goes: into a pack, a team, or neither.
    async fn place_of_query(
        &self,
        actor: &Actor,
        new: &NewSavedQuery,
    ) -> Result<(TeamId, PackId), FleetError> {
        let Some(pack) = &new.pack else {
            return Ok((
                self.place(actor, Action::ManageSavedQueries, new.team.as_ref()).await?,
                PackId::NONE,
            ));
        };
        allow(actor, Action::ManageSavedQueries, None)?;
        let found = self.packs_by_public_ids(actor, std::slice::from_ref(pack)).await?;
        let unknown = || FleetError::rejected(RejectionCode::NotFound, "packId", "pack not found");
        let pack = found.get(pack).ok_or_else(unknown)?;
        allow(actor, Action::ManageSavedQueries, Some(pack.team_id))?;
        Ok((pack.team_id, pack.id))
    }

    /// Commits a change, and tells every server where it changes what hosts of a team run.
    pub(in crate::fleet) async fn commit_schedule(
        &self,
        tx: DatabaseTransaction,
        team: TeamId,
        is_scheduled: bool,
    ) -> Result<(), FleetError> {
        if !is_scheduled {
            return Ok(tx.commit().await?);
        }
        changes::record(&tx, &[(ChangeKind::Configuration, team.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(())
    }

    async fn store_saved_query(
        &self,
        actor: &Actor,
        new: &NewSavedQuery,
        (team, pack): (TeamId, PackId),
        request: &Keyed<'_>,
    ) -> Result<SavedQuery, FleetError> {
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let scope = allow(actor, Action::ReadSavedQueries, None)?;
            let first = saved_queries::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return first.ok_or(FleetError::NotFound("saved query"));
        }
        let mut row = self.row(actor, new, (team, pack));
        if let Some(new_schedule) = &new.schedule {
            configuration_lock(&tx).await?;
            schedule::check_name(&new.name)?;
            Schedule::write(Some(&schedule::checked(&tx, new_schedule, team).await?), &mut row);
        }
        if let Some(pack) = pack.some() {
            packs::lock_for_query(&tx, pack).await?;
        }
        refuse_taken(&tx, (team, pack), &new.name).await?;
        let query = saved_queries::insert(&tx, row).await?;
        if query.interval_s.is_some() {
            Views::check(self, &tx, team, "name").await?;
        }
        self.record_of_query(&tx, actor, "saved_query.created", &query).await?;
        self.remember(&tx, actor, request, &query.public_id).await?;
        self.commit_schedule(tx, team, query.interval_s.is_some()).await?;
        Ok(query)
    }

    pub(in crate::fleet) fn row(
        &self,
        actor: &Actor,
        new: &NewSavedQuery,
        (team, pack): (TeamId, PackId),
    ) -> ActiveModel {
        let now = self.clock.now();
        let mut row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("qry")),
            name: Set(new.name.clone()),
            sql: Set(new.sql.clone()),
            description: Set(new.description.clone()),
            observer_can_run: Set(new.observer_can_run),
            team_id: Set(team),
            created_by: Set(actor.user_id()),
            created_at: Set(now),
            updated_at: Set(now),
            version: Set(1),
            pack_id: Set(pack),
            ..Default::default()
        };
        Schedule::write(None, &mut row);
        row
    }

    async fn store_change(
        &self,
        actor: &Actor,
        id: &PublicId,
        change: &SavedQueryChange,
    ) -> Result<SavedQuery, FleetError> {
        let tx = self.store.begin().await?;
        // Before the row, as everywhere: whether it has a schedule is known only then.
        configuration_lock(&tx).await?;
        let query = managed(&tx, actor, id).await?;
        if change.expected_version.is_some_and(|version| version != query.version) {
            let message = format!("the saved query has version {} now", query.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != query.name) {
            refuse_taken(&tx, (query.team_id, query.pack_id), name).await?;
        }
        let was_scheduled = query.interval_s.is_some();
        let mut row = self.changed(query.clone(), change);
        if let Some(new) = &change.schedule {
            let schedule = match new {
                Some(new) => Some(schedule::checked(&tx, new, query.team_id).await?),
                None => None,
            };
            Schedule::write(schedule.as_ref(), &mut row);
        }
        let query = saved_queries::update(&tx, row).await?;
        if query.interval_s.is_some() {
            schedule::check_name(&query.name)?;
            Views::check(self, &tx, query.team_id, "name").await?;
        }
        self.record_of_query(&tx, actor, "saved_query.updated", &query).await?;
        self.commit_schedule(tx, query.team_id, was_scheduled || query.interval_s.is_some()).await?;
        Ok(query)
    }

    fn changed(&self, query: SavedQuery, change: &SavedQueryChange) -> ActiveModel {
        let version = query.version.saturating_add(1);
        let mut row = query.into_active_model();
        if let Some(name) = &change.name {
            row.name = Set(name.clone());
        }
        if let Some(sql) = &change.sql {
            row.sql = Set(sql.clone());
        }
        if let Some(description) = &change.description {
            row.description = Set(description.clone());
        }
        if let Some(observer_can_run) = change.observer_can_run {
            row.observer_can_run = Set(observer_can_run);
        }
        row.updated_at = Set(self.clock.now());
        row.version = Set(version);
        row
    }

    pub(in crate::fleet) async fn record_of_query(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        query: &SavedQuery,
    ) -> Result<(), FleetError> {
        let activity = NewActivity {
            kind,
            team: Some(query.team_id),
            subject: Some(&query.public_id),
            details: json!({ "name": query.name, "version": query.version, "interval": query.interval_s }),
        };
        self.record_activity(tx, actor, activity).await
    }
}

/// Mistakes in one input, told all at once.
#[derive(Default)]
pub(in crate::fleet) struct Mistakes(Vec<Rejection>);

impl Mistakes {
    /// The value, or none and a note of what is wrong with it.
    pub(in crate::fleet) fn note<T>(
        &mut self,
        checked: Result<T, FleetError>,
    ) -> Result<Option<T>, FleetError> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(FleetError::Rejected(mistakes)) => {
                self.0.extend(mistakes);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Nothing, if there was none.
    pub(in crate::fleet) fn into_result(self) -> Result<(), FleetError> {
        if self.0.is_empty() { Ok(()) } else { Err(FleetError::Rejected(self.0)) }
    }
}

fn check_sql(text: &str) -> Result<(), FleetError> {
    sql::lint(text).map_err(|issue| FleetError::sql("sql", issue))
}

async fn refuse_taken(
    tx: &DatabaseTransaction,
    place: (TeamId, PackId),
    name: &str,
) -> Result<(), FleetError> {
    if saved_queries::by_name(tx, &Scope::system(), place, name).await?.is_some() {
        return Err(FleetError::rejected(RejectionCode::NotUnique, "name", "this name is taken"));
    }
    Ok(())
}

/// The saved query of this id, locked; the actor sees and manages it.
async fn managed(tx: &DatabaseTransaction, actor: &Actor, id: &PublicId) -> Result<SavedQuery, FleetError> {
    let scope = allow(actor, Action::ReadSavedQueries, None)?;
    let found = saved_queries::lock(tx, &scope, id).await?;
    let not_found = || FleetError::rejected(RejectionCode::NotFound, "id", "saved query not found");
    let found = found.ok_or_else(not_found)?;
    allow(actor, Action::ManageSavedQueries, Some(found.team_id))?;
    Ok(found)
}
