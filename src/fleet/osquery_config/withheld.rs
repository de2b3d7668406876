//! Results that are kept here and not shipped: those of queries whose automations are off.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use entity::id::{PackId, TeamId};

use super::assemble::delimiter;
use super::material::Material;
use crate::destination::{Names, Withheld};
use crate::fleet::{Fleet, FleetError};
use crate::osquery::{merge, names};

impl Fleet {
    /// What asks, for shipping, which results are withheld. It does not keep this server alive.
    pub(in crate::fleet) fn withheld(&self) -> Withheld {
        let parts = Arc::downgrade(&self.0);
        Arc::new(move |team| {
            let parts = parts.clone();
            Box::pin(async move {
                let fleet = parts.upgrade().map(Self).ok_or("the server stops")?;
                fleet.withheld_names(team).await.map_err(|error| error.to_string())
            })
        })
    }

    /// The names under which the hosts of a team log what is not shipped. When nothing changed since it was asked last:
    /// from memory.
    async fn withheld_names(&self, team: TeamId) -> Result<Names, FleetError> {
        if let Some(names) = self.configurations.withheld.get(&team) {
            return Ok(names);
        }
        let generation = self.configurations.withheld.generation();
        let names = Arc::new(withheld(&*self.material(team).await?, team));
        self.configurations.withheld.keep(generation, team, Arc::clone(&names));
        Ok(names)
    }
}

/// The logged names of a team's queries whose automations are off. A platform may have a delimiter of its own; packs that
/// are not given out any more are among them, for their last lines may still wait.
fn withheld(material: &Material, team: TeamId) -> HashSet<String> {
    let is_mine = |of: TeamId| of == TeamId::NONE || of == team;
    let packs = material.packs.iter().filter(|pack| is_mine(pack.team_id));
    let places: Vec<_> =
        packs.map(|pack| (pack.id, Some(pack.name.as_str()))).chain([(PackId::NONE, None)]).collect();
    let (mut withheld, mut shipped) = (HashSet::new(), HashSet::new());
    for platform in material.audiences() {
        let mut document = serde_json::Map::new();
        for (_, layer) in material.layers_for(team, platform) {
            merge::lay_over(&mut document, layer, 0_usize, &mut BTreeMap::new());
        }
        for (pack, name) in &places {
            for query in material.queries_of(team, *pack) {
                let logged = names::logged(*name, &query.name, delimiter(&document));
                if query.automations {
                    shipped.insert(logged)
                } else {
                    withheld.insert(logged)
                };
            }
        }
    }
    withheld.retain(|name| !shipped.contains(name));
    withheld
}
