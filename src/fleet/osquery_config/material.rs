//! What configurations are made from: everything that is stored for a team, and for all.

use std::collections::BTreeSet;

use entity::id::{LabelId, PackId, TeamId};
use entity::label_layers::Model as LabelLayerRow;
use entity::osquery_configs::Model as LayerRow;
use entity::packs::Model as Pack;
use entity::saved_queries::Model as SavedQuery;
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value};

use crate::fleet::schedule::LabelScope;
use crate::policy::Scope;
use crate::store::{StoreError, label_layers, osquery_configs, packs, saved_queries};

/// The audience of a layer for every platform.
pub(super) const ALL: &str = "all";

/// What the hosts of one team, or of all teams, are configured from.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// Layers, by team, then audience.
    pub(super) layers: Vec<(LayerRow, Map<String, Value>)>,
    /// Layers for hosts with labels, in the order in which they are laid over each other.
    pub(super) label_layers: Vec<LabelLayer>,
    /// Packs, by id.
    pub(super) packs: Vec<Pack>,
    /// Saved queries with a schedule, by id.
    pub(super) queries: Vec<SavedQuery>,
    /// Labels that some query, pack or layer asks for.
    pub(super) labels: BTreeSet<LabelId>,
}

/// A layer for hosts with labels.
#[derive(Clone, Debug)]
pub(super) struct LabelLayer {
    pub(super) row: LabelLayerRow,
    pub(super) scope: LabelScope,
    pub(super) document: Map<String, Value>,
}

impl Material {
    /// Reads what is in scope, and what is global.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn read<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Self, StoreError> {
        let layers = osquery_configs::all(db, scope).await?;
        let packs = packs::all(db, scope).await?;
        let queries = saved_queries::scheduled(db, scope).await?;
        let scopes =
            queries.iter().map(|query| &query.label_scope).chain(packs.iter().map(|pack| &pack.label_scope));
        let mut labels: BTreeSet<LabelId> =
            scopes.flat_map(|scope| LabelScope::stored(scope).labels().collect::<Vec<_>>()).collect();
        let label_layers: Vec<LabelLayer> =
            label_layers::all(db, scope).await?.into_iter().map(LabelLayer::from).collect();
        labels.extend(label_layers.iter().flat_map(|layer| layer.scope.labels()));
        let layers = layers.into_iter().map(|row| {
            let document = document(&row.document);
            (row, document)
        });
        Ok(Self { layers: layers.collect(), label_layers, packs, queries, labels })
    }

    /// The layers for a team's hosts of a platform, in the order in which they are laid over each other: for all, for
    /// the team, for the platform, for the platform in the team.
    pub(super) fn layers_for(&self, team: TeamId, platform: &str) -> Vec<&(LayerRow, Map<String, Value>)> {
        let mut order = Vec::new();
        for place in [(TeamId::NONE, ALL), (team, ALL), (TeamId::NONE, platform), (team, platform)] {
            // Who asks for no team, or for no platform, names some of them twice.
            if !order.contains(&place) {
                order.push(place);
            }
        }
        let find = |(team, audience)| {
            self.layers.iter().find(|(row, _)| row.team_id == team && row.audience == audience)
        };
        order.into_iter().filter_map(find).collect()
    }

    /// The layers for labels that are laid over those of a team's hosts of a platform, if they have the labels: in that
    /// order.
    pub(super) fn label_layers_of<'a>(
        &'a self,
        team: TeamId,
        platform: &'a str,
    ) -> impl Iterator<Item = &'a LabelLayer> {
        let is_for = move |row: &LabelLayerRow| {
            (row.team_id == TeamId::NONE || row.team_id == team)
                && (row.audience == ALL || row.audience == platform)
        };
        self.label_layers.iter().filter(move |layer| is_for(&layer.row))
    }

    /// The queries of a pack that are for a team's hosts; those in none for [`PackId::NONE`].
    pub(super) fn queries_of(&self, team: TeamId, pack: PackId) -> impl Iterator<Item = &SavedQuery> {
        let mine = move |of: TeamId| of == TeamId::NONE || of == team;
        self.queries.iter().filter(move |query| query.pack_id == pack && mine(query.team_id))
    }

    /// The packs that are given to a team's hosts.
    pub(super) fn packs_for(&self, team: TeamId) -> impl Iterator<Item = &Pack> {
        let mine = move |of: TeamId| of == TeamId::NONE || of == team;
        self.packs.iter().filter(move |pack| pack.enabled && mine(pack.team_id))
    }

    /// Every team that has something of its own, and no team.
    pub(super) fn teams(&self) -> BTreeSet<TeamId> {
        let layers = self.layers.iter().map(|(row, _)| row.team_id);
        let layers = layers.chain(self.label_layers.iter().map(|layer| layer.row.team_id));
        let packs = self.packs.iter().map(|pack| pack.team_id);
        let queries = self.queries.iter().map(|query| query.team_id);
        layers.chain(packs).chain(queries).chain([TeamId::NONE]).collect()
    }

    /// Every platform that has a layer, and one that has none.
    pub(super) fn audiences(&self) -> BTreeSet<&str> {
        let for_labels = self.label_layers.iter().map(|layer| layer.row.audience.as_str());
        self.layers.iter().map(|(row, _)| row.audience.as_str()).chain(for_labels).chain([ALL]).collect()
    }
}

impl From<LabelLayerRow> for LabelLayer {
    fn from(row: LabelLayerRow) -> Self {
        Self { scope: LabelScope::stored(&row.label_scope), document: document(&row.document), row }
    }
}

/// A stored document. It was checked when it was stored; one that can't be read has nothing to say.
pub(in crate::fleet) fn document(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}
