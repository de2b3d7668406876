//! Making, changing and deleting saved queries.

use entity::id::{PublicId, TeamId, UserId};
use entity::saved_queries::ActiveModel;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use super::{NewSavedQuery, SavedQuery, SavedQueryChange};
use crate::auth::keys::new_public_id;
use crate::fleet::activity::NewActivity;
use crate::fleet::idempotency::{Keyed, start_over_once};
use crate::fleet::{Fleet, FleetError, Rejection, RejectionCode, input};
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::saved_queries;

impl Fleet {
    /// Makes a saved query; the same `idempotency_key` by the same caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `sql`, `description`, `teamId`, `idempotencyKey`); unavailable.
    pub async fn create_saved_query(
        &self,
        actor: &Actor,
        mut new: NewSavedQuery,
        idempotency_key: Option<&str>,
    ) -> Result<SavedQuery, FleetError> {
        let team = self.place(actor, Action::ManageSavedQueries, new.team.as_ref()).await?;
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
        start_over_once(|| self.store_saved_query(actor, &new, team, &request)).await
    }

    /// Changes a saved query.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, `name`, `sql`, `description`); unavailable.
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
        tx.commit().await?;
        Ok(query.public_id)
    }

    async fn store_saved_query(
        &self,
        actor: &Actor,
        new: &NewSavedQuery,
        team: TeamId,
        request: &Keyed<'_>,
    ) -> Result<SavedQuery, FleetError> {
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let scope = allow(actor, Action::ReadSavedQueries, None)?;
            let first = saved_queries::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return first.ok_or(FleetError::NotFound("saved query"));
        }
        refuse_taken(&tx, team, &new.name).await?;
        let query = saved_queries::insert(&tx, self.row(actor, new, team)).await?;
        self.record_of_query(&tx, actor, "saved_query.created", &query).await?;
        self.remember(&tx, actor, request, &query.public_id).await?;
        tx.commit().await?;
        Ok(query)
    }

    fn row(&self, actor: &Actor, new: &NewSavedQuery, team: TeamId) -> ActiveModel {
        let now = self.clock.now();
        ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("qry")),
            name: Set(new.name.clone()),
            sql: Set(new.sql.clone()),
            description: Set(new.description.clone()),
            observer_can_run: Set(new.observer_can_run),
            team_id: Set(team),
            created_by: Set(author(actor)),
            created_at: Set(now),
            updated_at: Set(now),
            version: Set(1),
        }
    }

    async fn store_change(
        &self,
        actor: &Actor,
        id: &PublicId,
        change: &SavedQueryChange,
    ) -> Result<SavedQuery, FleetError> {
        let tx = self.store.begin().await?;
        let query = managed(&tx, actor, id).await?;
        if change.expected_version.is_some_and(|version| version != query.version) {
            let message = format!("the saved query has version {} now", query.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != query.name) {
            refuse_taken(&tx, query.team_id, name).await?;
        }
        let query = saved_queries::update(&tx, self.changed(query, change)).await?;
        self.record_of_query(&tx, actor, "saved_query.updated", &query).await?;
        tx.commit().await?;
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

    async fn record_of_query(
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
            details: json!({ "name": query.name, "version": query.version }),
        };
        self.record_activity(tx, actor, activity).await
    }
}

/// Mistakes in one input, told all at once.
#[derive(Default)]
struct Mistakes(Vec<Rejection>);

impl Mistakes {
    /// The value, or none and a note of what is wrong with it.
    fn note<T>(&mut self, checked: Result<T, FleetError>) -> Result<Option<T>, FleetError> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(FleetError::Rejected(mistakes)) => {
                self.0.extend(mistakes);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn into_result(self) -> Result<(), FleetError> {
        if self.0.is_empty() { Ok(()) } else { Err(FleetError::Rejected(self.0)) }
    }
}

fn check_sql(text: &str) -> Result<(), FleetError> {
    sql::lint(text).map_err(|issue| FleetError::sql("sql", issue))
}

async fn refuse_taken(tx: &DatabaseTransaction, team: TeamId, name: &str) -> Result<(), FleetError> {
    if saved_queries::by_name(tx, &Scope::system(), team, name).await?.is_some() {
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

fn author(actor: &Actor) -> Option<UserId> {
    match actor {
        Actor::User(user) => Some(user.id),
        _ => None,
    }
}
