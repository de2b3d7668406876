//! Saved queries.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::saved_queries::{self, NewSavedQuery, SavedQueryChange};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, shown};
use crate::graphql::model::pack::Pack;
use crate::graphql::model::saved_query::{SavedQuery, SavedQueryEdge};
use crate::graphql::model::schedule::ScheduleInput;
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of saved queries.
#[derive(Default)]
pub(super) struct SavedQueryMutation;

/// Input of createSavedQuery.
#[derive(InputObject)]
struct CreateSavedQueryInput {
    /// Name.
    name: Text,
    /// osquery SQL.
    sql: Text,
    /// Purpose.
    description: Option<Text>,
    /// Observers may run it live.
    #[graphql(default = false)]
    observer_can_run: bool,
    /// Owner team; null for global.
    team_id: Option<Id<Team>>,
    /// Pack to put it in; then its team is the pack's.
    pack_id: Option<Id<Pack>>,
    /// When and where it runs on its own; left out for only live.
    schedule: Option<ScheduleInput>,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of createSavedQuery.
#[derive(SimpleObject)]
struct CreateSavedQueryPayload {
    /// The query, or null when there are errors.
    saved_query: Option<SavedQuery>,
    /// Edge to insert in a client's list.
    saved_query_edge: Option<SavedQueryEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of updateSavedQuery; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdateSavedQueryInput {
    /// Query to change.
    id: Id<SavedQuery>,
    /// Version that was read.
    expected_version: Option<i32>,
    /// New name.
    name: Option<Text>,
    /// New SQL.
    sql: Option<Text>,
    /// New purpose.
    description: MaybeUndefined<Text>,
    /// Observers may run it live.
    observer_can_run: Option<bool>,
    /// New schedule, whole; null takes it away.
    schedule: MaybeUndefined<ScheduleInput>,
}

/// Answer of updateSavedQuery.
#[derive(SimpleObject)]
struct UpdateSavedQueryPayload {
    /// The query after the call.
    saved_query: Option<SavedQuery>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteSavedQuery.
#[derive(InputObject)]
struct DeleteSavedQueryInput {
    /// Query to delete.
    id: Id<SavedQuery>,
}

/// Answer of deleteSavedQuery.
#[derive(SimpleObject)]
struct DeleteSavedQueryPayload {
    /// Id that was deleted, for the client's cache.
    deleted_saved_query_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl SavedQueryMutation {
    /// Stores a query.
    async fn create_saved_query(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The query.")] input: CreateSavedQueryInput,
    ) -> Result<Option<CreateSavedQueryPayload>> {
        let (new, key) = input.into_new();
        let made = ctx.fleet().create_saved_query(ctx.actor(), new, text(key.as_ref())).await;
        let (query, user_errors) = settle(made)?;
        let edge = |query: saved_queries::SavedQuery| {
            SavedQueryEdge::fresh(List::SAVED_QUERIES, query.id.0, SavedQuery(query))
        };
        let saved_query_edge = query.clone().map(edge);
        Ok(Some(CreateSavedQueryPayload {
            saved_query: query.map(SavedQuery),
            saved_query_edge,
            user_errors,
        }))
    }

    /// Changes a query.
    async fn update_saved_query(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what changes.")] input: UpdateSavedQueryInput,
    ) -> Result<Option<UpdateSavedQueryPayload>> {
        let (id, change) = input.into_change();
        let (query, user_errors) =
            settle(ctx.fleet().update_saved_query(ctx.actor(), id.public(), change).await)?;
        Ok(Some(UpdateSavedQueryPayload { saved_query: query.map(SavedQuery), user_errors }))
    }

    /// Deletes a query.
    async fn delete_saved_query(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteSavedQueryInput,
    ) -> Result<Option<DeleteSavedQueryPayload>> {
        let (id, user_errors) = settle(ctx.fleet().delete_saved_query(ctx.actor(), input.id.public()).await)?;
        let deleted_saved_query_id = id.as_ref().map(shown);
        Ok(Some(DeleteSavedQueryPayload { deleted_saved_query_id, user_errors }))
    }
}

impl CreateSavedQueryInput {
    /// The query to make, and the idempotency key.
    fn into_new(self) -> (NewSavedQuery, Option<Text>) {
        let Self { name, sql, description, observer_can_run, team_id, pack_id, schedule, idempotency_key } =
            self;
        let new = NewSavedQuery {
            name: name.0,
            sql: sql.0,
            description: description.map(|text| text.0),
            observer_can_run,
            team: team_id.map(Id::into_public),
            pack: pack_id.map(Id::into_public),
            schedule: schedule.map(Into::into),
        };
        (new, idempotency_key)
    }
}

impl UpdateSavedQueryInput {
    /// Which query, and its change.
    fn into_change(self) -> (Id<SavedQuery>, SavedQueryChange) {
        let Self { id, expected_version, name, sql, description, observer_can_run, schedule } = self;
        let change = SavedQueryChange {
            expected_version,
            name: name.map(|text| text.0),
            sql: sql.map(|text| text.0),
            description: description.map_value(|text| text.0).into(),
            observer_can_run,
            schedule: schedule.map_value(Into::into).into(),
        };
        (id, change)
    }
}
