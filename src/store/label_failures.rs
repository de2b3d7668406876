//! Table `label_failures`: on which hosts the SQL of a label failed.

use std::collections::{BTreeMap, HashMap};

use entity::id::{HostId, LabelId};
use entity::label_failures::{Column, Entity, Model};
use sea_orm::sea_query::{OnConflict, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};

use super::StoreError;
use super::labels::hosts_in;
use super::page::{Key, Page, PageRequest, pages};
use crate::policy::Scope;

/// Rows in one statement at most.
const ROWS: usize = 5_000;

/// Failures of these labels on these hosts.
///
/// # Errors
/// When the database fails.
pub async fn among<C: ConnectionTrait>(
    db: &C,
    _: &Scope,
    labels: &[LabelId],
    hosts: &[HostId],
) -> Result<Vec<Model>, StoreError> {
    let of_labels = Entity::find().filter(Column::LabelId.is_in(labels.iter().copied()));
    Ok(of_labels.filter(Column::HostId.is_in(hosts.iter().copied())).all(db).await?)
}

/// Notes failures; one that was there before keeps its time.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &DatabaseTransaction, failures: Vec<Model>) -> Result<(), StoreError> {
    for rows in failures.chunks(ROWS) {
        let same =
            OnConflict::columns([Column::LabelId, Column::HostId]).update_column(Column::Message).to_owned();
        let rows = rows.iter().map(|row| row.clone().into_active_model());
        Entity::insert_many(rows).on_conflict(same).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Forgets failures on hosts, by label.
///
/// # Errors
/// When the database fails.
pub async fn forget(
    tx: &DatabaseTransaction,
    healed: &BTreeMap<LabelId, Vec<HostId>>,
) -> Result<(), StoreError> {
    for (label, hosts) in healed {
        for hosts in hosts.chunks(ROWS) {
            let gone = Entity::delete_many().filter(Column::LabelId.eq(*label));
            gone.filter(Column::HostId.is_in(hosts.iter().copied())).exec(tx).await?;
        }
    }
    Ok(())
}

/// Forgets every failure of a label.
///
/// # Errors
/// When the database fails.
pub async fn forget_label(tx: &DatabaseTransaction, label: LabelId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::LabelId.eq(label)).exec(tx).await?;
    Ok(())
}

/// Forgets failures on hosts that leave the teams of these labels.
pub(super) async fn forget_other_teams(
    tx: &DatabaseTransaction,
    hosts: &[HostId],
    labels: SelectStatement,
) -> Result<(), StoreError> {
    let gone = Entity::delete_many().filter(Column::HostId.is_in(hosts.iter().copied()));
    gone.filter(Column::LabelId.in_subquery(labels)).exec(tx).await?;
    Ok(())
}

/// On how many hosts in scope each label fails; one that fails on none is left out.
///
/// # Errors
/// When the database fails.
pub async fn counts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: &[LabelId],
) -> Result<Vec<(LabelId, i64)>, StoreError> {
    let failures = Entity::find()
        .select_only()
        .column(Column::LabelId)
        .column_as(Column::HostId.count(), "hosts")
        .filter(Column::LabelId.is_in(labels.iter().copied()))
        .filter(Column::HostId.in_subquery(hosts_in(scope)))
        .group_by(Column::LabelId);
    Ok(failures.into_tuple().all(db).await?)
}

/// The same page of the failures of each label on hosts in scope, by host.
///
/// # Errors
/// When the database fails.
pub async fn pages_of_labels<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    labels: &[LabelId],
    page: &PageRequest,
) -> Result<HashMap<LabelId, Page<Model>>, StoreError> {
    let of_label = |label: LabelId| {
        let failures = Entity::find().filter(Column::LabelId.eq(label));
        page.by_id(failures.filter(Column::HostId.in_subquery(hosts_in(scope))), Column::HostId)
    };
    pages(db, labels, page, of_label, |row| Key::by_id(row.host_id.0)).await
}
