//! Layers of configuration of an import, laid over what is there.

use entity::id::TeamId;
use entity::kind::Platform;
use serde_json::{Map, Value};

use super::ground::{Ground, note};
use super::{Existing, Gravity, Kind, Note, Outcome};
use crate::fleet::FleetError;
use crate::fleet::osquery_config::{document, word};
use crate::interchange::At;
use crate::interchange::model::Layer;
use crate::osquery::document as rules;
use crate::policy::Scope;
use crate::store::osquery_configs;

impl Ground<'_> {
    /// Saves a layer: its members are laid over those that are there, so that an import takes nothing away.
    pub(super) async fn layer(&mut self, layer: &Layer) -> Result<(), FleetError> {
        let name = layer.for_labels.as_ref().map(|labels| labels.name.clone()).or(layer.platform.clone());
        let name = name.unwrap_or_else(|| At::new(layer.document.place.clone(), word(None).to_owned()));
        let what = (Kind::Configuration, &name, None);
        let Some(team) = self.team(&layer.team).await? else {
            self.homeless(what, &layer.team);
            return Ok(());
        };
        let named = layer.platform.as_ref().map(|platform| platform.value.as_str());
        let platform = Platform::ALL.iter().copied().find(|known| Some(known.as_str()) == named);
        let Value::Object(members) = layer.document.to_json() else { return Ok(()) };
        let mut reasons = self.findings(layer, &members);
        if let (Some(named), None) = (named, platform) {
            reasons.insert(0, format!("`{named}` is no platform of a configuration"));
        }
        let outcome = match &layer.for_labels {
            _ if !reasons.is_empty() => None,
            None => Some(self.save_layer((team.id, platform), members).await?),
            Some(labels) => {
                match self.wanted_layer(labels, team.id, (platform, members), &mut reasons).await? {
                    Some(wanted) => note(self.save_label_layer(wanted, team.id).await, &mut reasons)?,
                    None => None,
                }
            }
        };
        self.note(what, team.name, (outcome.unwrap_or(Outcome::Refused), reasons));
        Ok(())
    }

    async fn save_layer(
        &mut self,
        (team, platform): (TeamId, Option<Platform>),
        members: Map<String, Value>,
    ) -> Result<Outcome, FleetError> {
        let before = osquery_configs::get(self.tx, &Scope::system(), team, word(platform)).await?;
        let was = before.as_ref().map(|row| document(&row.document)).unwrap_or_default();
        let mut is = was.clone();
        lay_over(&mut is, members);
        let outcome = match &before {
            Some(_) if was == is => Outcome::Unchanged,
            Some(_) if self.existing == Existing::Skip => Outcome::Skipped,
            Some(_) => Outcome::Changed,
            None => Outcome::Created,
        };
        if matches!(outcome, Outcome::Changed | Outcome::Created) {
            self.fleet.store_layer(self.tx, self.actor, (team, platform), (before, is)).await?;
            self.touched.insert(team);
        }
        Ok(outcome)
    }

    /// Why agents would drop something of a document; what has another effect than it seems is noted.
    fn findings(&mut self, layer: &Layer, members: &Map<String, Value>) -> Vec<String> {
        let mut reasons = Vec::new();
        for finding in rules::check(members) {
            let place = layer.place_of(&finding.path).clone();
            if finding.is_error() {
                reasons.push(format!("{finding} (line {})", place.line));
            } else {
                let message = finding.to_string();
                self.notes.push(Note { place, gravity: Gravity::Warning, message });
            }
        }
        reasons
    }
}

/// Lays members over others: objects member by member, anything else in place of what was there. A null stays: it says
/// that something is not set.
pub(super) fn lay_over(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (base.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay_over(below, above),
            (_, value) => drop(base.insert(name, value)),
        }
    }
}
