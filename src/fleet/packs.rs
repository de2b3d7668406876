//! Packs: groups of scheduled queries that run under common conditions. Their queries are saved queries.

mod manage;

pub(super) use manage::{checked_discovery, checked_name, write};

use std::collections::HashMap;

use entity::id::{PackId, PublicId};
pub use entity::packs::Model as Pack;
use sea_orm::DatabaseTransaction;

use super::hosts::{Page, PageRequest};
use super::schedule::{Conditions, LabelScope, NewConditions};
use super::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{packs, teams};

/// A pack to make.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NewPack {
    /// Name, unique in its team; 1 to 255 characters.
    pub name: String,
    /// Purpose.
    pub description: Option<String>,
    /// Owner team; none for global.
    pub team: Option<PublicId>,
    /// Where it runs.
    pub conditions: NewConditions,
    /// SQL that must all return a row on a host where it runs.
    pub discovery: Vec<String>,
    /// Hosts are given it.
    pub enabled: bool,
}

/// A change of a pack: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct PackChange {
    /// Version that was read; another one now is a conflict.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New purpose; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// New platforms; `Some(None)` for all.
    pub platform: Option<Option<String>>,
    /// New least osquery version; `Some(None)` for any.
    pub min_osquery_version: Option<Option<String>>,
    /// New percent of the hosts; `Some(None)` for all.
    pub shard: Option<Option<i32>>,
    /// New labels, one of which a host must have.
    pub include_any: Option<Vec<PublicId>>,
    /// New labels, none of which a host may have.
    pub exclude_any: Option<Vec<PublicId>>,
    /// New SQL that must all return a row.
    pub discovery: Option<Vec<String>>,
    /// Hosts are given it.
    pub enabled: Option<bool>,
}

/// Where a pack runs.
#[must_use]
pub fn conditions(pack: &Pack) -> Conditions {
    Conditions {
        platform: pack.platform.clone(),
        min_osquery_version: pack.min_osquery_version.clone(),
        shard: pack.shard,
        labels: LabelScope::stored(&pack.label_scope),
    }
}

/// The SQL that must all return a row on a host where the pack runs.
#[must_use]
pub fn discovery(pack: &Pack) -> Vec<String> {
    serde_json::from_str(&pack.discovery).unwrap_or_default()
}

impl Fleet {
    /// Visible packs by inside id: global ones, and those of teams where the actor reads queries.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn packs_by_ids(
        &self,
        actor: &Actor,
        ids: &[PackId],
    ) -> Result<HashMap<PackId, Pack>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let found = packs::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|pack| (pack.id, pack)).collect())
    }

    /// Visible packs by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn packs_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Pack>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let found = packs::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|pack| (pack.public_id.clone(), pack)).collect())
    }

    /// A page of visible packs by id; `team` keeps those of one team, `search` those whose name contains it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn packs(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Pack>, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let Some(team) = self.team_of_packs(&scope, team).await? else { return Ok(Page::empty()) };
        Ok(packs::page(self.store.reader(), &scope, (team, search), &page).await?)
    }

    /// How many packs match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_packs(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
    ) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadSavedQueries, None)?;
        let Some(team) = self.team_of_packs(&scope, team).await? else { return Ok(0) };
        Ok(packs::count(self.store.reader(), &scope, (team, search)).await?)
    }

    /// The condition by inside id; none when the team is out of scope, so that nothing can match.
    async fn team_of_packs(
        &self,
        scope: &Scope,
        team: Option<&PublicId>,
    ) -> Result<Option<Option<entity::id::TeamId>>, FleetError> {
        let Some(team) = team else { return Ok(Some(None)) };
        let found = teams::by_public_ids(self.store.reader(), scope, std::slice::from_ref(team)).await?;
        Ok(found.first().map(|team| Some(team.id)))
    }
}

/// Locks the pack that a query is put into, so that it is not deleted meanwhile.
pub(super) async fn lock_for_query(tx: &DatabaseTransaction, id: PackId) -> Result<(), FleetError> {
    let scope = Scope::system();
    let gone = || FleetError::rejected(RejectionCode::NotFound, "packId", "pack not found");
    let pack = packs::by_ids(tx, &scope, &[id]).await?.pop().ok_or_else(gone)?;
    packs::lock(tx, &scope, &pack.public_id).await?.map(|_| ()).ok_or_else(gone)
}
