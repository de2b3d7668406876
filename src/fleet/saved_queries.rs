//! Saved queries: SQL with a name, perhaps a schedule. Making, changing and deleting them has a file of its own.

mod manage;

pub(super) use manage::Mistakes;

use std::collections::HashMap;

use entity::id::{PackId, PublicId, SavedQueryId, TeamId};
pub use entity::saved_queries::Model as SavedQuery;

use super::hosts::{Page, PageRequest};
use super::schedule::NewSchedule;
use super::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::saved_queries::Wanted;
use crate::store::{packs, saved_queries, teams};

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
    /// Pack that it is in; then the team is the pack's.
    pub pack: Option<PublicId>,
    /// When and where it runs on its own; none for not.
    pub schedule: Option<NewSchedule>,
}

/// Which saved queries are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedQueryFilter {
    /// Of this team.
    pub team: Option<PublicId>,
    /// In this pack.
    pub pack: Option<PublicId>,
    /// With a schedule, or without one.
    pub scheduled: Option<bool>,
    /// With this in their name.
    pub search: Option<String>,
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
    /// New schedule, in place of the one before; `Some(None)` takes it away.
    pub schedule: Option<Option<NewSchedule>>,
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

    /// A page of visible saved queries by id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries(
        &self,
        actor: &Actor,
        filter: &SavedQueryFilter,
        page: PageRequest,
    ) -> Result<Page<SavedQuery>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let Some(wanted) = self.wanted_queries(&scope, filter).await? else {
            return Ok(Page::empty());
        };
        Ok(saved_queries::page(self.store.reader(), &scope, wanted, &page).await?)
    }

    /// A page of the saved queries of each team, by id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries_of_teams(
        &self,
        actor: &Actor,
        teams: &[TeamId],
        page: &PageRequest,
    ) -> Result<HashMap<TeamId, Page<SavedQuery>>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        Ok(saved_queries::pages_of(self.store.reader(), &scope, teams, page).await?)
    }

    /// A page of the saved queries of each pack, by id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn saved_queries_of_packs(
        &self,
        actor: &Actor,
        packs: &[PackId],
        page: &PageRequest,
    ) -> Result<HashMap<PackId, Page<SavedQuery>>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        Ok(saved_queries::pages_of(self.store.reader(), &scope, packs, page).await?)
    }

    /// How many saved queries each team has.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_saved_queries_of_teams(
        &self,
        actor: &Actor,
        teams: &[TeamId],
    ) -> Result<HashMap<TeamId, u64>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        Ok(saved_queries::count_of(self.store.reader(), &scope, teams).await?)
    }

    /// How many saved queries each pack has.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_saved_queries_of_packs(
        &self,
        actor: &Actor,
        packs: &[PackId],
    ) -> Result<HashMap<PackId, u64>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        Ok(saved_queries::count_of(self.store.reader(), &scope, packs).await?)
    }

    /// How many saved queries match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_saved_queries(
        &self,
        actor: &Actor,
        filter: &SavedQueryFilter,
    ) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let Some(wanted) = self.wanted_queries(&scope, filter).await? else {
            return Ok(0);
        };
        Ok(saved_queries::count(self.store.reader(), &scope, wanted).await?)
    }

    /// The conditions by inside ids; none when the team or pack is out of scope, so that nothing can match.
    async fn wanted_queries<'a>(
        &self,
        scope: &Scope,
        filter: &'a SavedQueryFilter,
    ) -> Result<Option<Wanted<'a>>, FleetError> {
        let db = self.store.reader();
        let mut wanted =
            Wanted { scheduled: filter.scheduled, search: filter.search.as_deref(), ..Wanted::default() };
        if let Some(team) = &filter.team {
            let Some(team) = teams::by_public_ids(db, scope, std::slice::from_ref(team)).await?.pop() else {
                return Ok(None);
            };
            wanted.team = Some(team.id);
        }
        if let Some(pack) = &filter.pack {
            let found: Option<PackId> =
                packs::by_public_ids(db, scope, std::slice::from_ref(pack)).await?.pop().map(|pack| pack.id);
            let Some(pack) = found else { return Ok(None) };
            wanted.pack = Some(pack);
        }
        Ok(Some(wanted))
    }
}
