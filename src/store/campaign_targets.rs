//! Table `campaign_targets`: whom a campaign asks, frozen at its start, one bitmap a team.

use std::collections::{BTreeMap, HashMap};

use entity::campaign_targets::{ActiveModel, Column, Entity};
use entity::id::{CampaignId, HostId, TeamId};
use roaring::RoaringBitmap;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{StoreError, scoped};
use crate::policy::Scope;

/// The hosts a campaign asks, by their team at its start ([`TeamId::NONE`]: in none). It never changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetSet(BTreeMap<TeamId, RoaringBitmap>);

impl TargetSet {
    /// Adds a host.
    pub fn insert(&mut self, host: HostId, team: TeamId) {
        self.0.entry(team).or_default().insert(host.bit());
    }

    /// Adds hosts that are in `team`.
    pub fn insert_all(&mut self, hosts: &RoaringBitmap, team: TeamId) {
        if !hosts.is_empty() {
            *self.0.entry(team).or_default() |= hosts;
        }
    }

    /// The team of a host at the start; none when it is not asked.
    #[must_use]
    pub fn team_of(&self, host: HostId) -> Option<TeamId> {
        self.0.iter().find(|(_, hosts)| hosts.contains(host.bit())).map(|(team, _)| *team)
    }

    /// How many hosts of each team are asked.
    pub fn sizes(&self) -> impl Iterator<Item = (TeamId, i64)> + '_ {
        self.0.iter().map(|(team, hosts)| (*team, i64::try_from(hosts.len()).unwrap_or(i64::MAX)))
    }

    /// How many hosts are asked.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.values().map(RoaringBitmap::len).sum()
    }

    /// Whether nobody is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All hosts in scope, as one bitmap.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> RoaringBitmap {
        let mut hosts = RoaringBitmap::new();
        for (_, team) in self.0.iter().filter(|(team, _)| scope.includes(**team)) {
            hosts |= team;
        }
        hosts
    }
}

/// Stores the target set of a campaign.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &DatabaseTransaction,
    campaign: CampaignId,
    targets: &TargetSet,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(targets.0.len());
    for (team, hosts) in &targets.0 {
        let mut bytes = Vec::with_capacity(hosts.serialized_size());
        hosts.serialize_into(&mut bytes).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        rows.push(ActiveModel { campaign_id: Set(campaign), team_id: Set(*team), hosts: Set(bytes) });
    }
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// The target sets of campaigns, as far as the scope reaches.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub async fn load<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaigns: &[CampaignId],
) -> Result<HashMap<CampaignId, TargetSet>, StoreError> {
    let mut sets = HashMap::<_, TargetSet>::new();
    for ids in campaigns.chunks(1_000) {
        let rows = Entity::find()
            .filter(Column::CampaignId.is_in(ids.iter().copied()))
            .filter(scoped(Column::TeamId, scope))
            .all(db)
            .await?;
        for row in rows {
            let hosts = RoaringBitmap::deserialize_from(row.hosts.as_slice())
                .map_err(|error| StoreError::Corrupt(format!("target set: {error}")))?;
            sets.entry(row.campaign_id).or_default().0.insert(row.team_id, hosts);
        }
    }
    Ok(sets)
}
