//! Packs of an import, each as a whole: what the texts do not have in it goes.

use entity::id::TeamId;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde_json::json;

use super::ground::{Ground, note};
use super::queries::is_same;
use super::{Existing, Kind, Outcome};
use crate::fleet::packs::{self, NewPack, checked_discovery, checked_name};
use crate::fleet::schedule::{self, Conditions};
use crate::fleet::{FleetError, input};
use crate::interchange::model::Pack;
use crate::policy::Scope;
use crate::store::packs as rows;

/// A pack as it is to be, checked.
struct Wanted {
    new: NewPack,
    conditions: Conditions,
}

impl Ground<'_> {
    /// Saves a pack and its queries.
    pub(super) async fn pack(&mut self, pack: &Pack) -> Result<(), FleetError> {
        let Some(team) = self.team(&pack.team).await? else {
            self.homeless((Kind::Pack, &pack.name, None), &pack.team);
            return Ok(());
        };
        let mut mistakes = Vec::new();
        let Some(wanted) = self.wanted_pack(pack, team.id, &mut mistakes).await? else {
            self.note((Kind::Pack, &pack.name, None), team.name, (Outcome::Refused, mistakes));
            return Ok(());
        };
        let (row, outcome) = self.save_pack(wanted, team.id).await?;
        self.note((Kind::Pack, &pack.name, None), team.name.clone(), (outcome, Vec::new()));
        if outcome == Outcome::Skipped {
            return Ok(());
        }
        for query in &pack.queries {
            self.query_of(query, &team, Some((row.id, &row.name))).await?;
        }
        if self.existing == Existing::Update {
            self.remove_others(row.id, pack, &team).await?;
        }
        Ok(())
    }

    /// The pack as it is to be; none when there is a mistake.
    async fn wanted_pack(
        &mut self,
        pack: &Pack,
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<Option<Wanted>, FleetError> {
        let name = note(checked_name(&pack.name.value), mistakes)?;
        note(input::description(pack.description.as_deref()), mistakes)?;
        let discovery: Vec<String> = pack.discovery.iter().map(|sql| sql.value.clone()).collect();
        note(checked_discovery(&discovery), mistakes)?;
        let new_conditions = self.conditions(&pack.conditions, team, mistakes).await?;
        let checked = schedule::checked_conditions(self.tx, &new_conditions, team, &schedule::PACK).await;
        let conditions = note(checked, mistakes)?;
        let (Some(name), Some(conditions), true) = (name, conditions, mistakes.is_empty()) else {
            return Ok(None);
        };
        let new = NewPack {
            name,
            description: pack.description.clone(),
            team: None,
            conditions: new_conditions,
            discovery,
            enabled: pack.enabled,
        };
        Ok(Some(Wanted { new, conditions }))
    }

    async fn save_pack(
        &mut self,
        wanted: Wanted,
        team: TeamId,
    ) -> Result<(packs::Pack, Outcome), FleetError> {
        let before = rows::by_name(self.tx, &Scope::system(), team, &wanted.new.name).await?;
        let (pack, kind, outcome) = match before {
            Some(before) if wanted.is(&before) => return Ok((before, Outcome::Unchanged)),
            Some(before) if self.existing == Existing::Skip => return Ok((before, Outcome::Skipped)),
            None => {
                let row = self.fleet.pack_row(self.actor, &wanted.new, team, wanted.conditions);
                (rows::insert(self.tx, row).await?, "pack.created", Outcome::Created)
            }
            Some(before) => {
                let version = before.version.saturating_add(1);
                let mut row = before.into_active_model();
                row.description = Set(wanted.new.description.clone());
                row.discovery = Set(json!(wanted.new.discovery).to_string());
                row.enabled = Set(wanted.new.enabled);
                row.updated_at = Set(self.fleet.clock.now());
                row.version = Set(version);
                packs::write(wanted.conditions, &mut row);
                (rows::update(self.tx, row).await?, "pack.updated", Outcome::Changed)
            }
        };
        self.fleet.record_of_pack(self.tx, self.actor, kind, &pack).await?;
        self.touched.insert(team);
        Ok((pack, outcome))
    }
}

impl Wanted {
    /// Whether a pack is this one already.
    fn is(&self, pack: &packs::Pack) -> bool {
        is_same(self.new.description.as_deref(), pack.description.as_deref())
            && self.new.discovery == packs::discovery(pack)
            && self.new.enabled == pack.enabled
            && self.conditions == packs::conditions(pack)
    }
}
