//! Table `policy_changes`: how hosts came to stand to policies as they do.

use std::collections::HashMap;

use entity::id::{HostId, PolicyChangeId, PolicyId};
use entity::policy_changes::{ActiveModel, Column, Entity, Model};
use entity::policy_results;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::page::{self, Key, Page, PageRequest};
use super::{StoreError, scoped};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Rows in one statement at most.
const BATCH: usize = 4_000;

/// Stores changes; their ids are given by the database.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, changes: Vec<Model>) -> Result<(), StoreError> {
    let row = |change: Model| ActiveModel { id: NotSet, ..change.into_active_model() };
    let rows: Vec<ActiveModel> = changes.into_iter().map(row).collect();
    for batch in rows.chunks(BATCH) {
        Entity::insert_many(batch.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// A page of how each host in scope stood to each policy that is about it, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn pages<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    of: &[(HostId, PolicyId)],
    request: &PageRequest,
) -> Result<HashMap<(HostId, PolicyId), Page<Model>>, StoreError> {
    let own = |(host, policy): (HostId, PolicyId)| {
        let visible = Query::select()
            .expr(Expr::val(1))
            .from(policy_results::Entity)
            .and_where(policy_results::Column::HostId.eq(host))
            .and_where(policy_results::Column::PolicyId.eq(policy))
            .cond_where(scoped(policy_results::Column::TeamId, scope))
            .take();
        let theirs = Entity::find().filter(Column::HostId.eq(host)).filter(Column::PolicyId.eq(policy));
        request.newest_first(theirs.filter(Expr::exists(visible)), Column::Id)
    };
    page::pages(db, of, request, own, |row| Key::by_id(row.id.0)).await
}

/// Deletes changes from before a time, at most `limit`, and answers how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_before(
    tx: &DatabaseTransaction,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    let old = Entity::find().filter(Column::ChangedAt.lt(before)).order_by_asc(Column::ChangedAt);
    let old: Vec<PolicyChangeId> =
        old.select_only().column(Column::Id).limit(limit).into_tuple().all(tx).await?;
    if old.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(old)).exec(tx).await?.rows_affected)
}
