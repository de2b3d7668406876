//! Layers of configuration for hosts with labels, of an import.

use entity::id::TeamId;
use entity::kind::Platform;
use entity::label_layers::Model;
use serde_json::{Map, Value};

use super::ground::{Ground, note};
use super::layers::lay_over;
use super::{Existing, Outcome};
use crate::fleet::FleetError;
use crate::fleet::osquery_config::{
    ForLabels as Stored, NewLabelLayer, check_for_labels, document, label_scope, word,
};
use crate::interchange::model::ForLabels;
use crate::policy::Scope;
use crate::store::label_layers;

impl Ground<'_> {
    /// The layer as the texts have it; none when there is a mistake.
    pub(super) async fn wanted_layer(
        &mut self,
        for_labels: &ForLabels,
        team: TeamId,
        (platform, members): (Option<Platform>, Map<String, Value>),
        mistakes: &mut Vec<String>,
    ) -> Result<Option<NewLabelLayer>, FleetError> {
        let ForLabels { name, priority, include_any, exclude_any } = for_labels;
        let priority = priority.as_ref().map(|at| i32::try_from(at.value).unwrap_or(i32::MAX));
        let checked = note(check_for_labels(&name.value, priority, &members), mistakes)?;
        let include = self.labels(include_any, team, mistakes).await?;
        let exclude = self.labels(exclude_any, team, mistakes).await?;
        let (Some((name, priority)), true) = (checked, mistakes.is_empty()) else { return Ok(None) };
        let labels = note(label_scope(self.tx, team, (&include, &exclude)).await, mistakes)?;
        Ok(labels.map(|labels| NewLabelLayer {
            is_for: Stored { name, priority, labels },
            platform,
            members,
        }))
    }

    /// Saves a layer for labels: its members are laid over those that are there, and whom it is for is as the texts say.
    pub(super) async fn save_label_layer(
        &mut self,
        mut wanted: NewLabelLayer,
        team: TeamId,
    ) -> Result<Outcome, FleetError> {
        let before = label_layers::get(self.tx, &Scope::system(), team, &wanted.is_for.name).await?;
        let mut members = before.as_ref().map(|row| document(&row.document)).unwrap_or_default();
        lay_over(&mut members, std::mem::take(&mut wanted.members));
        wanted.members = members;
        let outcome = match &before {
            Some(before) if is(&wanted, before) => Outcome::Unchanged,
            Some(_) if self.existing == Existing::Skip => Outcome::Skipped,
            Some(_) => Outcome::Changed,
            None => Outcome::Created,
        };
        if matches!(outcome, Outcome::Changed | Outcome::Created) {
            self.fleet.store_label_layer(self.tx, self.actor, team, (before, wanted)).await?;
            self.touched.insert(team);
        }
        Ok(outcome)
    }
}

/// Whether a layer is this one already.
fn is(wanted: &NewLabelLayer, row: &Model) -> bool {
    row.audience == word(wanted.platform)
        && row.priority == wanted.is_for.priority
        && row.label_scope == wanted.is_for.labels.to_text()
        && document(&row.document) == wanted.members
}
