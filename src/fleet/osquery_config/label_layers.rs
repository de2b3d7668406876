//! Layers of configuration for hosts with labels. They are laid over all others, by priority.

use entity::id::{PublicId, TeamId};
use entity::kind::{ChangeKind, Platform};
use entity::label_layers::Model;
use sea_orm::DatabaseTransaction;
use serde_json::{Map, Value, json};

use super::layers::{Layer, refuse_stale, word};
use super::material::document;
use crate::fleet::activity::NewActivity;
use crate::fleet::saved_queries::Mistakes;
use crate::fleet::schedule::{LabelScope, label_ids};
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::osquery::document::OPTIONS;
use crate::osquery::text;
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{changes, configuration_lock, label_layers, labels};

/// Layers for labels in one team at most.
const MAX_LAYERS: usize = 100;

/// The highest priority.
const MAX_PRIORITY: i32 = 1_000;

/// The priority when nobody says.
const PRIORITY: i32 = 100;

/// What makes a layer one for hosts with labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForLabels {
    /// Name, unique in its team.
    pub name: String,
    /// Of two, the one with more is laid over the other.
    pub priority: i32,
    /// Which labels a host must have.
    pub labels: LabelScope,
}

/// A layer for labels as it is to be, checked.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct NewLabelLayer {
    /// Its name, priority and labels.
    pub(in crate::fleet) is_for: ForLabels,
    /// The platform whose hosts it is for; none for every one.
    pub(in crate::fleet) platform: Option<Platform>,
    /// The members of its document.
    pub(in crate::fleet) members: Map<String, Value>,
}

impl From<Model> for Layer {
    fn from(row: Model) -> Self {
        let Model {
            team_id,
            name,
            audience,
            priority,
            label_scope,
            document,
            updated_by,
            updated_at,
            version,
        } = row;
        let for_labels = ForLabels { name, priority, labels: LabelScope::stored(&label_scope) };
        Self {
            team: team_id,
            platform: Platform::ALL.iter().copied().find(|platform| platform.as_str() == audience),
            for_labels: Some(for_labels),
            document,
            version,
            updated_by,
            updated_at: Some(updated_at),
        }
    }
}

impl Fleet {
    /// Deletes a layer for labels; its hosts are without it at their next fetch. Answers its name.
    ///
    /// # Errors
    /// Denied; rejected (`teamId`, `name`); unavailable.
    pub async fn delete_config_layer(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        name: &str,
    ) -> Result<String, FleetError> {
        let team = self.place(actor, Action::ManageConfiguration, team).await?;
        let tx = self.store.begin().await?;
        configuration_lock(&tx).await?;
        let scope = allow(actor, Action::ManageConfiguration, None)?;
        let not_found = || FleetError::rejected(RejectionCode::NotFound, "name", "layer not found");
        let layer = label_layers::get(&tx, &scope, team, name.trim()).await?.ok_or_else(not_found)?;
        label_layers::delete(&tx, team, &layer.name).await?;
        let details =
            json!({ "name": layer.name, "platform": layer.audience, "from": document(&layer.document) });
        let activity =
            NewActivity { kind: "osquery_config.deleted", team: Some(team), subject: None, details };
        self.record_activity(&tx, actor, activity).await?;
        changes::record(&tx, &[(ChangeKind::Configuration, team.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(layer.name)
    }

    /// Writes a layer for labels in place of the one of its name.
    pub(super) async fn replace_label_layer(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        team: TeamId,
        (new, expected_version): (NewLabelLayer, Option<i32>),
    ) -> Result<Model, FleetError> {
        let scope = allow(actor, Action::ManageConfiguration, None)?;
        let before = label_layers::get(tx, &scope, team, &new.is_for.name).await?;
        refuse_stale(expected_version, before.as_ref().map_or(0, |row| row.version))?;
        self.store_label_layer(tx, actor, team, (before, new)).await
    }

    /// Writes a layer for labels in place of the one `before`, and records it.
    ///
    /// # Errors
    /// Rejected (`name`) when there are too many; unavailable.
    pub(in crate::fleet) async fn store_label_layer(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        team: TeamId,
        (before, new): (Option<Model>, NewLabelLayer),
    ) -> Result<Model, FleetError> {
        if before.is_none() {
            refuse_many(tx, team).await?;
        }
        let NewLabelLayer { is_for: ForLabels { name, priority, labels }, platform, members } = new;
        let compact = text::compact(&Value::Object(members.clone()));
        let row = Model {
            team_id: team,
            name,
            audience: word(platform).to_owned(),
            priority,
            label_scope: labels.to_text(),
            document: String::from_utf8_lossy(&compact).into_owned(),
            updated_by: actor.user_id(),
            updated_at: self.clock.now(),
            version: before.as_ref().map_or(0, |row| row.version).saturating_add(1),
        };
        label_layers::put(tx, row.clone()).await?;
        let details = json!({ "name": row.name, "platform": row.audience, "priority": priority,
            "labelsIncludeAny": names(tx, &labels.include_any).await?,
            "labelsExcludeAny": names(tx, &labels.exclude_any).await?, "version": row.version,
            "from": before.map(|row| Value::Object(document(&row.document))), "to": members });
        let activity =
            NewActivity { kind: "osquery_config.updated", team: Some(team), subject: None, details };
        self.record_activity(tx, actor, activity).await?;
        Ok(row)
    }
}

/// Checks what makes a layer one for labels: its name and priority, and that its document leaves alone what must be the
/// same for hosts with other labels.
///
/// # Errors
/// Rejected (`name`, `priority`, `document`).
pub(in crate::fleet) fn check_for_labels(
    name: &str,
    priority: Option<i32>,
    members: &Map<String, Value>,
) -> Result<(String, i32), FleetError> {
    let mut mistakes = Mistakes::default();
    let name = mistakes.note(input::name(name, "name"))?;
    let priority = priority.unwrap_or(PRIORITY);
    if !(0..=MAX_PRIORITY).contains(&priority) {
        let message = format!("a priority is 0 to {MAX_PRIORITY}");
        mistakes.note(Err::<(), _>(FleetError::rejected(RejectionCode::Invalid, "priority", message)))?;
    }
    if sets_delimiter(members) {
        let message =
            "options.pack_delimiter: results are logged under names with it, which do not depend on labels";
        mistakes.note(Err::<(), _>(FleetError::rejected(RejectionCode::Invalid, "document", message)))?;
    }
    mistakes.into_result()?;
    Ok((name.unwrap_or_default(), priority))
}

/// Which labels a host must have for a layer of `team`.
///
/// # Errors
/// Rejected (`labelsIncludeAny`, `labelsExcludeAny`): unknown, too many, or none at all; unavailable.
pub(in crate::fleet) async fn label_scope(
    tx: &DatabaseTransaction,
    team: TeamId,
    (include_any, exclude_any): (&[PublicId], &[PublicId]),
) -> Result<LabelScope, FleetError> {
    if include_any.is_empty() && exclude_any.is_empty() {
        let message = "a layer with a name is for hosts with labels, or without: say which";
        return Err(FleetError::rejected(RejectionCode::Invalid, "labelsIncludeAny", message));
    }
    Ok(LabelScope {
        include_any: label_ids(tx, include_any, team, "labelsIncludeAny").await?,
        exclude_any: label_ids(tx, exclude_any, team, "labelsExcludeAny").await?,
    })
}

/// Whether a document says what separates the parts of the names of packs, or takes away what was said of it.
fn sets_delimiter(members: &Map<String, Value>) -> bool {
    let options = members.get(OPTIONS);
    options.is_some_and(|options| {
        options.as_object().is_none_or(|options| options.contains_key("pack_delimiter"))
    })
}

async fn refuse_many(tx: &DatabaseTransaction, team: TeamId) -> Result<(), FleetError> {
    let known = label_layers::all(tx, &Scope::of_host(team)).await?;
    if known.iter().filter(|layer| layer.team_id == team).count() < MAX_LAYERS {
        return Ok(());
    }
    let message = format!("{MAX_LAYERS} layers for labels are there already");
    Err(FleetError::rejected(RejectionCode::LimitExceeded, "name", message))
}

/// The names of labels, for the audit trail.
async fn names(tx: &DatabaseTransaction, ids: &[entity::id::LabelId]) -> Result<Vec<String>, FleetError> {
    let found = labels::by_ids(tx, &Scope::system(), ids).await?;
    Ok(found.into_iter().map(|label| label.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_results_do_not_depend_on_labels() {
        let sets = |document: Value| sets_delimiter(document.as_object().expect("an object"));
        assert!(sets(json!({ "options": { "pack_delimiter": "/" } })));
        assert!(sets(json!({ "options": { "pack_delimiter": null } })));
        assert!(sets(json!({ "options": null })), "it takes away everything");
        assert!(!sets(json!({ "options": { "verbose": true } })) && !sets(json!({ "views": {} })));
    }
}
