//! Table `label_members`.

use std::collections::{BTreeSet, HashMap};

use entity::id::{HostId, LabelId, TeamId};
use entity::kind::{LabelKind, Platform};
use entity::{hosts, label_members, labels};
use sea_orm::sea_query::{OnConflict, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait, Select,
};

use super::label_sets::Delta;
use super::{StoreError, label_failures, label_sets};
use crate::policy::Scope;

/// Hosts in one statement at most.
const LIST: usize = 30_000;
/// Rows of two values in one statement at most.
const ROWS: usize = 10_000;

/// Makes the host a member of exactly those built-in labels that fit it: all hosts, and its platform's.
///
/// # Errors
/// When the database fails.
pub async fn set_built_in(
    tx: &DatabaseTransaction,
    host: HostId,
    platform: Platform,
) -> Result<(), StoreError> {
    let built_in: Vec<(LabelId, Option<Platform>)> = labels::Entity::find()
        .select_only()
        .columns([labels::Column::Id, labels::Column::Platform])
        .filter(labels::Column::Kind.eq(LabelKind::BuiltIn))
        .into_tuple()
        .all(tx)
        .await?;
    let (fit, unfit): (Vec<_>, Vec<_>) =
        built_in.into_iter().partition(|(_, of)| of.is_none_or(|of| of == platform));
    label_members::Entity::delete_many()
        .filter(
            Condition::all()
                .add(label_members::Column::HostId.eq(host))
                .add(label_members::Column::LabelId.is_in(unfit.into_iter().map(|(label, _)| label))),
        )
        .exec(tx)
        .await?;
    insert(tx, fit.into_iter().map(|(label, _)| (label, host))).await
}

/// Which of these hosts are members of which of these labels.
///
/// # Errors
/// When the database fails.
pub async fn among<C: ConnectionTrait>(
    db: &C,
    _: &Scope,
    labels: &[LabelId],
    hosts: &[HostId],
) -> Result<BTreeSet<(LabelId, HostId)>, StoreError> {
    let mut members = BTreeSet::new();
    for hosts in hosts.chunks(LIST) {
        let of_hosts = of_hosts(hosts).filter(label_members::Column::LabelId.is_in(labels.iter().copied()));
        members.extend(of_hosts.into_tuple::<(LabelId, HostId)>().all(db).await?);
    }
    Ok(members)
}

/// All members of a label, which is locked, as those who leave it.
///
/// # Errors
/// When the database fails.
pub async fn all_of(tx: &DatabaseTransaction, label: LabelId) -> Result<Delta, StoreError> {
    leaving(tx, label, Condition::all()).await
}

/// The members of a label, which is locked, that are of other platforms than these, as those who leave it.
///
/// # Errors
/// When the database fails.
pub async fn not_of(
    tx: &DatabaseTransaction,
    label: LabelId,
    platforms: &[Platform],
) -> Result<Delta, StoreError> {
    let others = hosts::Column::Platform.is_not_in(platforms.iter().copied());
    leaving(tx, label, Condition::all().add(others)).await
}

/// Members of a label that meet a condition, as those who leave it.
async fn leaving(tx: &DatabaseTransaction, label: LabelId, which: Condition) -> Result<Delta, StoreError> {
    let members = label_members::Entity::find().select_only().column(label_members::Column::HostId);
    let members = members.filter(label_members::Column::LabelId.eq(label)).into_query();
    let rows = hosts::Entity::find().filter(hosts::Column::Id.in_subquery(members)).filter(which);
    let columns = rows.select_only().columns([hosts::Column::Id, hosts::Column::TeamId]);
    let mut delta = Delta::default();
    for (host, team) in columns.into_tuple::<(HostId, TeamId)>().all(tx).await? {
        delta.leave(label, host, team);
    }
    Ok(delta)
}

/// Who joins and who leaves labels that people made. The rows of the hosts are locked, then those of the labels.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub async fn apply(tx: &DatabaseTransaction, delta: &Delta) -> Result<(), StoreError> {
    for rows in delta.joins().collect::<Vec<_>>().chunks(ROWS) {
        insert(tx, rows.iter().copied()).await?;
    }
    for (label, hosts) in delta.leaves() {
        for hosts in hosts.chunks(LIST) {
            let leaving = label_members::Entity::delete_many()
                .filter(label_members::Column::LabelId.eq(label))
                .filter(label_members::Column::HostId.is_in(hosts.iter().copied()));
            leaving.exec(tx).await?;
        }
    }
    label_sets::apply(tx, delta).await
}

/// Takes hosts that are about to be moved to a team out of the labels of every other team; where they stay members,
/// they are counted under their new team. Their rows are locked.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub(super) async fn move_hosts(
    tx: &DatabaseTransaction,
    hosts: &[HostId],
    team: TeamId,
) -> Result<(), StoreError> {
    let mut delta = Delta::default();
    for (label, host, from) in memberships(tx, hosts).await? {
        delta.leave(label.id, host, from);
        if label.team_id == TeamId::NONE || label.team_id == team {
            delta.join(label.id, host, team);
        }
    }
    label_sets::apply(tx, &delta).await?;
    for hosts in hosts.chunks(LIST) {
        let gone = label_members::Entity::delete_many();
        gone.filter(label_members::Column::HostId.is_in(hosts.iter().copied()))
            .filter(label_members::Column::LabelId.in_subquery(of_other_teams(team)))
            .exec(tx)
            .await?;
        label_failures::forget_other_teams(tx, hosts, of_other_teams(team)).await?;
    }
    Ok(())
}

/// Takes hosts that are about to be deleted out of the bitmaps of labels; their rows here go with them. Their own are
/// locked.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub async fn forget_hosts(tx: &DatabaseTransaction, hosts: &[HostId]) -> Result<(), StoreError> {
    let mut delta = Delta::default();
    for (label, host, from) in memberships(tx, hosts).await? {
        delta.leave(label.id, host, from);
    }
    label_sets::apply(tx, &delta).await
}

/// Takes a host, whose row is locked, out of the labels that ask other platforms than its own.
///
/// # Errors
/// When the database fails or a bitmap can't be read.
pub async fn leave_other_platforms(
    tx: &DatabaseTransaction,
    host: HostId,
    platform: Platform,
) -> Result<(), StoreError> {
    let mut delta = Delta::default();
    for (label, host, team) in memberships(tx, &[host]).await? {
        let mut asked = label.platforms.split(',');
        if !label.platforms.is_empty() && !asked.any(|word| word == platform.as_str()) {
            delta.leave(label.id, host, team);
        }
    }
    apply(tx, &delta).await
}

/// The labels of hosts that people made, locked, each with a host and the team where it is.
async fn memberships(
    tx: &DatabaseTransaction,
    hosts: &[HostId],
) -> Result<Vec<(labels::Model, HostId, TeamId)>, StoreError> {
    let mut concerned = BTreeSet::new();
    for hosts in hosts.chunks(LIST) {
        let made = label_members::Column::LabelId.in_subquery(made_by_people());
        let ids =
            label_members::Entity::find().select_only().column(label_members::Column::LabelId).distinct();
        let of_hosts = ids.filter(label_members::Column::HostId.is_in(hosts.iter().copied())).filter(made);
        concerned.extend(of_hosts.into_tuple::<LabelId>().all(tx).await?);
    }
    if concerned.is_empty() {
        return Ok(Vec::new());
    }
    let locked = super::labels::lock_for_members(tx, concerned).await?;
    let labels: HashMap<LabelId, labels::Model> = locked.into_iter().map(|label| (label.id, label)).collect();
    let ids: Vec<LabelId> = labels.keys().copied().collect();
    // Only now: somebody may have left before the label was locked; nobody can have joined.
    let members = among(tx, &Scope::system(), &ids, hosts).await?;
    let mut teams = HashMap::new();
    for hosts in hosts.chunks(LIST) {
        let found = hosts::Entity::find().filter(hosts::Column::Id.is_in(hosts.iter().copied()));
        let columns = found.select_only().columns([hosts::Column::Id, hosts::Column::TeamId]);
        teams.extend(columns.into_tuple::<(HostId, TeamId)>().all(tx).await?);
    }
    let whole = |(label, host)| Some((labels.get(&label)?.clone(), host, *teams.get(&host)?));
    Ok(members.into_iter().filter_map(whole).collect())
}

fn of_hosts(hosts: &[HostId]) -> Select<label_members::Entity> {
    let columns = [label_members::Column::LabelId, label_members::Column::HostId];
    let members = label_members::Entity::find().select_only().columns(columns);
    members.filter(label_members::Column::HostId.is_in(hosts.iter().copied()))
}

/// Ids of labels that the server did not make.
fn made_by_people() -> SelectStatement {
    let ids = labels::Entity::find().select_only().column(labels::Column::Id);
    ids.filter(labels::Column::Kind.ne(LabelKind::BuiltIn)).into_query()
}

/// Ids of labels that are neither global nor this team's.
fn of_other_teams(team: TeamId) -> SelectStatement {
    let ids = labels::Entity::find().select_only().column(labels::Column::Id);
    ids.filter(labels::Column::TeamId.is_not_in([TeamId::NONE, team])).into_query()
}

async fn insert(
    tx: &DatabaseTransaction,
    members: impl IntoIterator<Item = (LabelId, HostId)>,
) -> Result<(), StoreError> {
    let members = members
        .into_iter()
        .map(|(label, host)| label_members::ActiveModel { label_id: Set(label), host_id: Set(host) });
    label_members::Entity::insert_many(members)
        .on_conflict(
            OnConflict::columns([label_members::Column::LabelId, label_members::Column::HostId])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
