//! Saved queries: SQL with a name.

use std::collections::HashMap;

use entity::id::{PublicId, SavedQueryId};
pub use entity::saved_queries::Model as SavedQuery;

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::policy::Actor;

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
        _actor: &Actor,
        _ids: &[SavedQueryId],
    ) -> Result<HashMap<SavedQueryId, SavedQuery>, FleetError> {
        todo!()
    }

    /// Visible saved queries by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, SavedQuery>, FleetError> {
        todo!()
    }

    /// A page of visible saved queries by id; `team` keeps those of one team, `search` those whose name contains it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries(
        &self,
        _actor: &Actor,
        _team: Option<&PublicId>,
        _search: Option<&str>,
        _page: PageRequest,
    ) -> Result<Page<SavedQuery>, FleetError> {
        todo!()
    }

    /// How many saved queries match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_saved_queries(
        &self,
        _actor: &Actor,
        _team: Option<&PublicId>,
        _search: Option<&str>,
    ) -> Result<u64, FleetError> {
        todo!()
    }

    /// Makes a saved query; the same `idempotency_key` by the same caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `sql`, `teamId`, `idempotencyKey`); unavailable.
    pub async fn create_saved_query(
        &self,
        _actor: &Actor,
        _new: NewSavedQuery,
        _idempotency_key: Option<&str>,
    ) -> Result<SavedQuery, FleetError> {
        todo!()
    }

    /// Changes a saved query.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, `name`, `sql`); unavailable.
    pub async fn update_saved_query(
        &self,
        _actor: &Actor,
        _id: &PublicId,
        _change: SavedQueryChange,
    ) -> Result<SavedQuery, FleetError> {
        todo!()
    }

    /// Deletes a saved query; its campaigns stay.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn delete_saved_query(&self, _actor: &Actor, _id: &PublicId) -> Result<PublicId, FleetError> {
        todo!()
    }
}
