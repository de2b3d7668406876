//! Layers of configuration: for all hosts, for a team, for a platform, for labels. They are laid over each other by one
//! rule (`osquery::merge`).

use entity::id::{PublicId, TeamId, UserId};
use entity::kind::{ChangeKind, Platform};
use entity::osquery_configs::Model;
use sea_orm::DatabaseTransaction;
use serde_json::{Map, Value, json};

use super::label_layers::{ForLabels, NewLabelLayer, check_for_labels, label_scope};
use super::material::{ALL, document};
use super::views::Views;
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::saved_queries::Mistakes;
use crate::fleet::{Fleet, FleetError, Rejection, RejectionCode};
use crate::osquery::{Finding, document as rules, text};
use crate::policy::{Action, Actor, allow};
use crate::store::{changes, configuration_lock, label_layers, osquery_configs};

/// A layer of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The team whose hosts it is for; [`TeamId::NONE`] for all hosts.
    pub team: TeamId,
    /// The platform whose hosts it is for; none for every one.
    pub platform: Option<Platform>,
    /// The labels whose hosts it is for; none for a layer that does not ask for labels.
    pub for_labels: Option<ForLabels>,
    /// A JSON object.
    pub document: String,
    /// Counts changes; 0 when it was never written.
    pub version: i32,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
}

/// A change of a layer.
#[derive(Clone, Debug)]
pub struct LayerChange {
    /// The team whose hosts it is for; none for all hosts.
    pub team: Option<PublicId>,
    /// The platform whose hosts it is for; none for every one.
    pub platform: Option<Platform>,
    /// The name of a layer for labels; none for one that does not ask for labels.
    pub name: Option<String>,
    /// Its priority.
    pub priority: Option<i32>,
    /// A host must have one of these labels.
    pub include_any: Vec<PublicId>,
    /// A host must have none of these labels.
    pub exclude_any: Vec<PublicId>,
    /// The new document, a JSON object; it replaces the one before.
    pub document: String,
    /// Version that was read; another one now is a conflict.
    pub expected_version: Option<i32>,
}

/// A layer that was saved, and what its author should know of it.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The layer as it is now.
    pub layer: Layer,
    /// What has no effect, or another than it seems.
    pub warnings: Vec<Finding>,
}

impl From<Model> for Layer {
    fn from(row: Model) -> Self {
        let Model { team_id, audience, document, updated_by, updated_at, version } = row;
        let platform = Platform::ALL.iter().copied().find(|platform| platform.as_str() == audience);
        let (for_labels, updated_at) = (None, Some(updated_at));
        Self { team: team_id, platform, for_labels, document, version, updated_by, updated_at }
    }
}

impl Fleet {
    /// A layer: an empty one when it was never written. With a `name`, the one for labels that is called so, whatever its
    /// platform; none when there is none.
    ///
    /// # Errors
    /// Denied; not found; unavailable.
    pub async fn config_layer(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        (platform, name): (Option<Platform>, Option<&str>),
    ) -> Result<Option<Layer>, FleetError> {
        let scope = allow(actor, Action::ReadConfiguration, None)?;
        let team = self.readable_team(actor, team).await?;
        if let Some(name) = name {
            let found = label_layers::get(self.store.reader(), &scope, team, name.trim()).await?;
            return Ok(found.map(Layer::from));
        }
        let found = osquery_configs::get(self.store.reader(), &scope, team, word(platform)).await?;
        let never = Layer {
            team,
            platform,
            for_labels: None,
            document: "{}".to_owned(),
            version: 0,
            updated_by: None,
            updated_at: None,
        };
        Ok(Some(found.map_or(never, Layer::from)))
    }

    /// The layers of a team, or those for all hosts: first those that do not ask for labels, then those that do, in the
    /// order in which they are laid over each other.
    ///
    /// # Errors
    /// Denied; not found; unavailable.
    pub async fn config_layers(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
    ) -> Result<Vec<Layer>, FleetError> {
        let scope = allow(actor, Action::ReadConfiguration, None)?;
        let team = self.readable_team(actor, team).await?;
        let db = self.store.reader();
        let layers = osquery_configs::all(db, &scope).await?.into_iter().map(Layer::from);
        let for_labels = label_layers::all(db, &scope).await?.into_iter().map(Layer::from);
        Ok(layers.chain(for_labels).filter(|layer| layer.team == team).collect())
    }

    /// Replaces a layer. Every host that it is for gets it at its next fetch, from every server.
    ///
    /// # Errors
    /// Denied; rejected (`teamId`, `name`, `priority`, `labelsIncludeAny`, `labelsExcludeAny`, `expectedVersion`,
    /// `document`: every mistake, with its place); unavailable.
    pub async fn save_config_layer(&self, actor: &Actor, change: LayerChange) -> Result<Saved, FleetError> {
        let team = self.place(actor, Action::ManageConfiguration, change.team.as_ref()).await?;
        let (place, members, warnings) = change.checked()?;
        let tx = self.store.begin().await?;
        configuration_lock(&tx).await?;
        let (platform, expected) = (change.platform, change.expected_version);
        let layer = match place {
            None => self.replace_layer(&tx, actor, (team, platform), (members, expected)).await?.into(),
            Some((name, priority)) => {
                let labels = label_scope(&tx, team, (&change.include_any, &change.exclude_any)).await?;
                let is_for = ForLabels { name, priority, labels };
                let new = NewLabelLayer { is_for, platform, members };
                self.replace_label_layer(&tx, actor, team, (new, expected)).await?.into()
            }
        };
        Views::check(self, &tx, team, "document").await?;
        changes::record(&tx, &[(ChangeKind::Configuration, team.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(Saved { layer, warnings })
    }

    async fn replace_layer(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        (team, platform): (TeamId, Option<Platform>),
        (members, expected_version): (Map<String, Value>, Option<i32>),
    ) -> Result<Model, FleetError> {
        let scope = allow(actor, Action::ManageConfiguration, None)?;
        let before = osquery_configs::get(tx, &scope, team, word(platform)).await?;
        refuse_stale(expected_version, before.as_ref().map_or(0, |row| row.version))?;
        self.store_layer(tx, actor, (team, platform), (before, members)).await
    }

    /// Writes a layer in place of the one `before`, and records it.
    pub(in crate::fleet) async fn store_layer(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        (team, platform): (TeamId, Option<Platform>),
        (before, members): (Option<Model>, Map<String, Value>),
    ) -> Result<Model, FleetError> {
        let version = before.as_ref().map_or(0, |row| row.version);
        let row = self.layer_row(actor, team, platform, &members, version);
        osquery_configs::put(tx, row.clone()).await?;
        let details = json!({ "platform": word(platform), "version": row.version,
            "from": before.map(|row| Value::Object(document(&row.document))), "to": members });
        let activity =
            NewActivity { kind: "osquery_config.updated", team: Some(team), subject: None, details };
        self.record_activity(tx, actor, activity).await?;
        Ok(row)
    }

    /// The row of a layer that follows version `version`.
    pub(in crate::fleet) fn layer_row(
        &self,
        actor: &Actor,
        team: TeamId,
        platform: Option<Platform>,
        members: &Map<String, Value>,
        version: i32,
    ) -> Model {
        let document = text::compact(&Value::Object(members.clone()));
        Model {
            team_id: team,
            audience: word(platform).to_owned(),
            document: String::from_utf8_lossy(&document).into_owned(),
            updated_by: actor.user_id(),
            updated_at: self.clock.now(),
            version: version.saturating_add(1),
        }
    }
}

/// Name and priority of a layer for labels, none of another one; the members of its document; what its author should know.
type Checked = (Option<(String, i32)>, Map<String, Value>, Vec<Finding>);

impl LayerChange {
    fn checked(&self) -> Result<Checked, FleetError> {
        let mut mistakes = Mistakes::default();
        let (members, warnings) = mistakes.note(checked(&self.document))?.unwrap_or_default();
        let place = match &self.name {
            Some(name) => mistakes.note(check_for_labels(name, self.priority, &members))?,
            None if self.asks_for_labels() => {
                let message = "a layer for labels has a name";
                mistakes.note(Err(FleetError::rejected(RejectionCode::Invalid, "name", message)))?
            }
            None => None,
        };
        mistakes.into_result()?;
        Ok((place, members, warnings))
    }

    fn asks_for_labels(&self) -> bool {
        self.priority.is_some() || !self.include_any.is_empty() || !self.exclude_any.is_empty()
    }
}

/// Refuses a change of what has another version than was read.
pub(super) fn refuse_stale(expected: Option<i32>, version: i32) -> Result<(), FleetError> {
    if expected.is_some_and(|expected| expected != version) {
        let message = format!("this layer has version {version} now");
        return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
    }
    Ok(())
}

/// The audience of a layer, as its column has it.
pub(in crate::fleet) fn word(platform: Option<Platform>) -> &'static str {
    platform.map_or(ALL, Platform::as_str)
}

/// The members of a document, and what its author should know.
fn checked(text: &str) -> Result<(Map<String, Value>, Vec<Finding>), FleetError> {
    let invalid = |message: String| FleetError::rejected(RejectionCode::Invalid, "document", message);
    let value: Value =
        serde_json::from_str(text).map_err(|error| invalid(format!("this is no JSON: {error}")))?;
    let Value::Object(members) = value else { return Err(invalid("this is no JSON object".to_owned())) };
    let (errors, warnings): (Vec<_>, Vec<_>) =
        rules::check(&members).into_iter().partition(Finding::is_error);
    if errors.is_empty() {
        return Ok((members, warnings));
    }
    let rejection = |finding: Finding| Rejection {
        code: RejectionCode::Invalid,
        path: "document",
        message: finding.to_string(),
        location: None,
    };
    Err(FleetError::Rejected(errors.into_iter().map(rejection).collect()))
}
