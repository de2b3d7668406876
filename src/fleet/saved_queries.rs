//! Saved queries: SQL with a name. Making, changing and deleting them has a file of its own.

mod manage;

use std::collections::HashMap;

use entity::id::{PublicId, SavedQueryId};
pub use entity::saved_queries::Model as SavedQuery;

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::saved_queries::Wanted;
use crate::store::{saved_queries, teams};

/// A saved query to make.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NewSavedQuery {
    /// Name, unique in its team; 1 to 255 characters.
    pub name: String,
    /// osquery SQL; linted.
    pub sql: String,
    /// Purpose.
    pub description: Option<String>,
    /// Observers may run it live.
    pub observer_can_run: bool,
    /// Owner team; none for global.
    pub team: Option<PublicId>,
}

/// A change of a saved query: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct SavedQueryChange {
    /// Version that was read; another one now is a conflict.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New SQL.
    pub sql: Option<String>,
    /// New purpose; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// Observers may run it live.
    pub observer_can_run: Option<bool>,
}

impl Fleet {
    /// Visible saved queries by inside id: global ones, and those of teams where the actor reads queries.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries_by_ids(
        &self,
        actor: &Actor,
        ids: &[SavedQueryId],
    ) -> Result<HashMap<SavedQueryId, SavedQuery>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let found = saved_queries::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|query| (query.id, query)).collect())
    }

    /// Visible saved queries by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, SavedQuery>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let found = saved_queries::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|query| (query.public_id.clone(), query)).collect())
    }

    /// A page of visible saved queries by id; `team` keeps those of one team, `search` those whose name contains it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<SavedQuery>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let Some(wanted) = self.wanted_queries(&scope, team, search).await? else {
            return Ok(Page::empty());
        };
        Ok(saved_queries::page(self.store.reader(), &scope, wanted, &page).await?)
    }

    /// How many saved queries match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_saved_queries(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
    ) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let Some(wanted) = self.wanted_queries(&scope, team, search).await? else {
            return Ok(0);
        };
        Ok(saved_queries::count(self.store.reader(), &scope, wanted).await?)
    }

    /// The conditions by inside ids; none when the team is out of scope, so that nothing can match.
    async fn wanted_queries<'a>(
        &self,
        scope: &Scope,
        team: Option<&PublicId>,
        search: Option<&'a str>,
    ) -> Result<Option<Wanted<'a>>, FleetError> {
        let Some(team) = team else { return Ok(Some(Wanted { team: None, search })) };
        let found = teams::by_public_ids(self.store.reader(), scope, std::slice::from_ref(team)).await?;
        Ok(found.first().map(|team| Wanted { team: Some(team.id), search }))
    }
}
