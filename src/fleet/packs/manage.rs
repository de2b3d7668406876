//! Making, changing and deleting packs.

use entity::id::{PublicId, TeamId};
use entity::packs::ActiveModel;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use super::{NewPack, Pack, PackChange, conditions};
use crate::auth::keys::new_public_id;
use crate::fleet::activity::NewActivity;
use crate::fleet::idempotency::{Keyed, start_over_once};
use crate::fleet::osquery_config::Views;
use crate::fleet::saved_queries::Mistakes;
use crate::fleet::schedule::{self, Conditions, NewConditions};
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::osquery::names;
use crate::policy::{Action, Actor, Scope, allow};
use crate::sql;
use crate::store::{configuration_lock, labels, packs, saved_queries};

/// Statements that decide whether a pack runs, at most.
const MAX_DISCOVERY: usize = 20;

impl Fleet {
    /// Makes a pack, without queries; the same `idempotency_key` by the same caller answers the first one again.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `description`, `teamId`, `platform`, `minOsqueryVersion`, `shard`,
    /// `labelsIncludeAny`, `labelsExcludeAny`, `discovery`, `idempotencyKey`); unavailable.
    pub async fn create_pack(
        &self,
        actor: &Actor,
        mut new: NewPack,
        idempotency_key: Option<&str>,
    ) -> Result<Pack, FleetError> {
        let team = self.place(actor, Action::ManageSavedQueries, new.team.as_ref()).await?;
        let request = Keyed {
            operation: "createPack",
            key: idempotency_key,
            input: json!(new).to_string().into_bytes(),
        };
        let mut mistakes = Mistakes::default();
        new.name = mistakes.note(checked_name(&new.name))?.unwrap_or_default();
        mistakes.note(input::description(new.description.as_deref()))?;
        mistakes.note(checked_discovery(&new.discovery))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_pack(actor, &new, team, &request)).await
    }

    /// Changes a pack.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `expectedVersion`, and as when it is made); unavailable.
    pub async fn update_pack(
        &self,
        actor: &Actor,
        id: &PublicId,
        mut change: PackChange,
    ) -> Result<Pack, FleetError> {
        allow(actor, Action::ManageSavedQueries, None)?;
        let mut mistakes = Mistakes::default();
        if let Some(name) = change.name {
            change.name = mistakes.note(checked_name(&name))?;
        }
        mistakes.note(input::description(change.description.as_ref().and_then(Option::as_deref)))?;
        mistakes.note(checked_discovery(change.discovery.as_deref().unwrap_or_default()))?;
        mistakes.into_result()?;
        start_over_once(|| self.store_pack_change(actor, id, &change)).await
    }

    /// Deletes a pack and its queries; campaigns of its queries stay.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn delete_pack(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        allow(actor, Action::ManageSavedQueries, None)?;
        let tx = self.store.begin().await?;
        let pack = managed(&tx, actor, id).await?;
        saved_queries::delete_of_pack(&tx, pack.id).await?;
        packs::delete(&tx, pack.id).await?;
        self.record_of_pack(&tx, actor, "pack.deleted", &pack).await?;
        self.commit_schedule(tx, pack.team_id, true).await?;
        Ok(pack.public_id)
    }

    async fn store_pack(
        &self,
        actor: &Actor,
        new: &NewPack,
        team: TeamId,
        request: &Keyed<'_>,
    ) -> Result<Pack, FleetError> {
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let scope = allow(actor, Action::ReadSavedQueries, None)?;
            let first = packs::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return first.ok_or(FleetError::NotFound("pack"));
        }
        configuration_lock(&tx).await?;
        refuse_taken(&tx, team, &new.name).await?;
        let conditions = schedule::checked_conditions(&tx, &new.conditions, team, &schedule::PACK).await?;
        let pack = packs::insert(&tx, self.pack_row(actor, new, team, conditions)).await?;
        Views::check(self, &tx, team, "name").await?;
        self.record_of_pack(&tx, actor, "pack.created", &pack).await?;
        self.remember(&tx, actor, request, &pack.public_id).await?;
        self.commit_schedule(tx, team, true).await?;
        Ok(pack)
    }

    pub(in crate::fleet) fn pack_row(
        &self,
        actor: &Actor,
        new: &NewPack,
        team: TeamId,
        conditions: Conditions,
    ) -> ActiveModel {
        let now = self.clock.now();
        let mut row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("pck")),
            name: Set(new.name.clone()),
            description: Set(new.description.clone()),
            team_id: Set(team),
            discovery: Set(json!(new.discovery).to_string()),
            enabled: Set(new.enabled),
            created_by: Set(actor.user_id()),
            created_at: Set(now),
            updated_at: Set(now),
            version: Set(1),
            ..Default::default()
        };
        write(conditions, &mut row);
        row
    }

    async fn store_pack_change(
        &self,
        actor: &Actor,
        id: &PublicId,
        change: &PackChange,
    ) -> Result<Pack, FleetError> {
        let tx = self.store.begin().await?;
        configuration_lock(&tx).await?;
        let pack = managed(&tx, actor, id).await?;
        if change.expected_version.is_some_and(|version| version != pack.version) {
            let message = format!("the pack has version {} now", pack.version);
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != pack.name) {
            refuse_taken(&tx, pack.team_id, name).await?;
        }
        let new = merged(&tx, &pack, change).await?;
        let conditions = schedule::checked_conditions(&tx, &new, pack.team_id, &schedule::PACK).await?;
        let mut row = self.changed_pack(pack, change);
        write(conditions, &mut row);
        let pack = packs::update(&tx, row).await?;
        Views::check(self, &tx, pack.team_id, "name").await?;
        self.record_of_pack(&tx, actor, "pack.updated", &pack).await?;
        self.commit_schedule(tx, pack.team_id, true).await?;
        Ok(pack)
    }

    fn changed_pack(&self, pack: Pack, change: &PackChange) -> ActiveModel {
        let version = pack.version.saturating_add(1);
        let mut row = pack.into_active_model();
        if let Some(name) = &change.name {
            row.name = Set(name.clone());
        }
        if let Some(description) = &change.description {
            row.description = Set(description.clone());
        }
        if let Some(discovery) = &change.discovery {
            row.discovery = Set(json!(discovery).to_string());
        }
        if let Some(enabled) = change.enabled {
            row.enabled = Set(enabled);
        }
        row.updated_at = Set(self.clock.now());
        row.version = Set(version);
        row
    }

    pub(in crate::fleet) async fn record_of_pack(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        pack: &Pack,
    ) -> Result<(), FleetError> {
        let details = json!({ "name": pack.name, "version": pack.version, "enabled": pack.enabled });
        let activity =
            NewActivity { kind, team: Some(pack.team_id), subject: Some(&pack.public_id), details };
        self.record_activity(tx, actor, activity).await
    }
}

/// The conditions of a pack after a change, as they would be written.
async fn merged(
    tx: &DatabaseTransaction,
    pack: &Pack,
    change: &PackChange,
) -> Result<NewConditions, FleetError> {
    let old = conditions(pack);
    let ids: Vec<_> = old.labels.labels().collect();
    let known = labels::by_ids(tx, &Scope::system(), &ids).await?;
    let public = |ids: &[entity::id::LabelId]| -> Vec<PublicId> {
        known.iter().filter(|label| ids.contains(&label.id)).map(|label| label.public_id.clone()).collect()
    };
    let PackChange { platform, min_osquery_version, shard, include_any, exclude_any, .. } = change.clone();
    Ok(NewConditions {
        platform: platform.unwrap_or(old.platform),
        min_osquery_version: min_osquery_version.unwrap_or(old.min_osquery_version),
        shard: shard.unwrap_or(old.shard),
        include_any: include_any.unwrap_or_else(|| public(&old.labels.include_any)),
        exclude_any: exclude_any.unwrap_or_else(|| public(&old.labels.exclude_any)),
    })
}

/// Sets the columns of conditions.
pub(in crate::fleet) fn write(conditions: Conditions, row: &mut ActiveModel) {
    let Conditions { platform, min_osquery_version, shard, labels } = conditions;
    row.platform = Set(platform);
    row.min_osquery_version = Set(min_osquery_version);
    row.shard = Set(shard);
    row.label_scope = Set(labels.to_text());
}

/// A name of a pack, as agents take it.
pub(in crate::fleet) fn checked_name(name: &str) -> Result<String, FleetError> {
    let name = input::name(name, "name")?;
    match names::bad_pack(&name) {
        Some(why) => Err(FleetError::rejected(RejectionCode::Invalid, "name", why)),
        None => Ok(name),
    }
}

/// Checks the SQL that decides where a pack runs.
///
/// # Errors
/// Rejected (`discovery`).
pub(in crate::fleet) fn checked_discovery(discovery: &[String]) -> Result<(), FleetError> {
    if discovery.len() > MAX_DISCOVERY {
        let message = "at most 20 statements decide where a pack runs";
        return Err(FleetError::rejected(RejectionCode::LimitExceeded, "discovery", message));
    }
    match discovery.iter().find_map(|text| sql::lint(text).err()) {
        Some(issue) => Err(FleetError::sql("discovery", issue)),
        None => Ok(()),
    }
}

async fn refuse_taken(tx: &DatabaseTransaction, team: TeamId, name: &str) -> Result<(), FleetError> {
    if packs::by_name(tx, &Scope::system(), team, name).await?.is_some() {
        return Err(FleetError::rejected(RejectionCode::NotUnique, "name", "this name is taken"));
    }
    Ok(())
}

/// The pack of this id, locked; the actor sees and manages it.
async fn managed(tx: &DatabaseTransaction, actor: &Actor, id: &PublicId) -> Result<Pack, FleetError> {
    let scope = allow(actor, Action::ReadSavedQueries, None)?;
    let found = packs::lock(tx, &scope, id).await?;
    let not_found = || FleetError::rejected(RejectionCode::NotFound, "id", "pack not found");
    let found = found.ok_or_else(not_found)?;
    allow(actor, Action::ManageSavedQueries, Some(found.team_id))?;
    Ok(found)
}
