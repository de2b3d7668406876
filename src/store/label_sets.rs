//! Table `label_sets`: the members of each label that people made, one bitmap a team, kept by deltas in the transaction
//! that writes the rows of `label_members`. Counts and the targets of campaigns are read here, whatever the size of a
//! label; lists of hosts join the rows.

use std::collections::{BTreeMap, BTreeSet};

use entity::id::{HostId, LabelId, TeamId};
use entity::label_sets::{ActiveModel, Column, Entity, Model};
use roaring::RoaringBitmap;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{StoreError, scoped};
use crate::policy::Scope;

/// Who joins and who leaves labels, by the team where a host is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta(BTreeMap<(LabelId, TeamId), Moves>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Moves {
    joins: RoaringBitmap,
    leaves: RoaringBitmap,
}

impl Delta {
    /// A host that is in `team` becomes a member.
    pub fn join(&mut self, label: LabelId, host: HostId, team: TeamId) {
        self.0.entry((label, team)).or_default().joins.insert(host.bit());
    }

    /// A host that is in `team` is no member any more.
    pub fn leave(&mut self, label: LabelId, host: HostId, team: TeamId) {
        self.0.entry((label, team)).or_default().leaves.insert(host.bit());
    }

    /// A host that is in `team` is to be a member: it does not leave, or else it joins.
    pub fn keep_or_join(&mut self, label: LabelId, host: HostId, team: TeamId) {
        let moves = self.0.entry((label, team)).or_default();
        if !moves.leaves.remove(host.bit()) {
            moves.joins.insert(host.bit());
        }
    }

    /// Whether nobody joins or leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels that are concerned.
    #[must_use]
    pub fn labels(&self) -> BTreeSet<LabelId> {
        self.0.keys().map(|(label, _)| *label).collect()
    }

    /// The hosts that are concerned.
    #[must_use]
    pub fn hosts(&self) -> BTreeSet<HostId> {
        let of = |moves: &Moves| host_ids(&(&moves.joins | &moves.leaves));
        self.0.values().flat_map(of).collect()
    }

    /// Who joins what.
    pub(super) fn joins(&self) -> impl Iterator<Item = (LabelId, HostId)> {
        let of = |(label, moves): (LabelId, &Moves)| {
            host_ids(&moves.joins).into_iter().map(move |host| (label, host))
        };
        self.0.iter().map(|((label, _), moves)| (*label, moves)).flat_map(of)
    }

    /// Who leaves, by label.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (LabelId, Vec<HostId>)> {
        let leaving = self.0.iter().filter(|(_, moves)| !moves.leaves.is_empty());
        leaving.map(|((label, _), moves)| (*label, host_ids(&moves.leaves)))
    }
}

/// Writes a delta to the bitmaps, two statements for all of them. The labels are locked.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub(super) async fn apply(tx: &DatabaseTransaction, delta: &Delta) -> Result<(), StoreError> {
    if delta.is_empty() {
        return Ok(());
    }
    let stored = Entity::find().filter(Column::LabelId.is_in(delta.labels())).all(tx).await?;
    let mut sets: BTreeMap<(LabelId, TeamId), RoaringBitmap> = BTreeMap::new();
    for row in stored {
        sets.insert((row.label_id, row.team_id), read(&row)?);
    }
    let mut rows = Vec::with_capacity(delta.0.len());
    for ((label, team), moves) in &delta.0 {
        let mut hosts = sets.remove(&(*label, *team)).unwrap_or_default();
        hosts -= &moves.leaves;
        hosts |= &moves.joins;
        rows.push(row(*label, *team, &hosts)?);
    }
    let same = OnConflict::columns([Column::LabelId, Column::TeamId])
        .update_columns([Column::Hosts, Column::HostCount])
        .to_owned();
    Entity::insert_many(rows).on_conflict(same).exec_without_returning(tx).await?;
    Ok(())
}

/// How many hosts in scope are members, by label: of these labels, or of all. A label without members is left out.
///
/// # Errors
/// When the database fails.
pub async fn counts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: Option<&[LabelId]>,
) -> Result<Vec<(LabelId, i64)>, StoreError> {
    let mut counted = Entity::find().filter(scoped(Column::TeamId, scope)).filter(Column::HostCount.gt(0));
    if let Some(labels) = labels {
        counted = counted.filter(Column::LabelId.is_in(labels.iter().copied()));
    }
    // Few rows, and a sum of theirs has another type on PostgreSQL.
    let columns = [Column::LabelId, Column::HostCount];
    let rows = counted.select_only().columns(columns).order_by_asc(Column::LabelId);
    let mut sums: BTreeMap<LabelId, i64> = BTreeMap::new();
    for (label, hosts) in rows.into_tuple::<(LabelId, i64)>().all(db).await? {
        *sums.entry(label).or_default() += hosts;
    }
    Ok(sums.into_iter().collect())
}

/// The members of labels, by label and team, as far as the scope reaches.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub async fn of_labels<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: &[LabelId],
) -> Result<BTreeMap<(LabelId, TeamId), RoaringBitmap>, StoreError> {
    let rows = Entity::find().filter(Column::LabelId.is_in(labels.iter().copied()));
    let rows = rows.filter(scoped(Column::TeamId, scope)).all(db).await?;
    rows.iter().map(|row| Ok(((row.label_id, row.team_id), read(row)?))).collect()
}

fn read(row: &Model) -> Result<RoaringBitmap, StoreError> {
    RoaringBitmap::deserialize_from(row.hosts.as_slice())
        .map_err(|error| StoreError::Corrupt(format!("members of a label: {error}")))
}

fn row(label: LabelId, team: TeamId, hosts: &RoaringBitmap) -> Result<ActiveModel, StoreError> {
    let mut bytes = Vec::with_capacity(hosts.serialized_size());
    hosts.serialize_into(&mut bytes).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(ActiveModel {
        label_id: Set(label),
        team_id: Set(team),
        hosts: Set(bytes),
        host_count: Set(i64::try_from(hosts.len()).unwrap_or(i64::MAX)),
    })
}

fn host_ids(hosts: &RoaringBitmap) -> Vec<HostId> {
    hosts.iter().map(|bit| HostId(i64::from(bit))).collect()
}
