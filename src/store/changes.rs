//! Table `changes`: what one server must tell the others, in commit order.

use entity::changes::{Column, Entity, Model};
use entity::kind::ChangeKind;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::locks::{Lock, exclusive};
use super::{StoreError, settings};
use crate::policy::Scope;

/// Rows read at once.
const PAGE: u64 = 1_000;

/// Milliseconds for which rows are kept.
const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// The setting that holds the highest `seq` that was pruned.
const PRUNED: &str = "changes.pruned_seq";

/// Records changes, each a kind and an inside id, as the last statement of a transaction.
///
/// On PostgreSQL an advisory lock, the last of the lock order, is taken just before, so that seq order is commit
/// order.
///
/// # Errors
/// When the database fails.
pub async fn record(tx: &DatabaseTransaction, changes: &[(ChangeKind, i64)]) -> Result<(), StoreError> {
    record_all(tx, changes, &[]).await
}

/// As [`record`], and besides what needs more than an id to be told.
///
/// # Errors
/// When the database fails.
pub async fn record_all(
    tx: &DatabaseTransaction,
    changes: &[(ChangeKind, i64)],
    more: &[(ChangeKind, String)],
) -> Result<(), StoreError> {
    if changes.is_empty() && more.is_empty() {
        return Ok(());
    }
    exclusive(tx, Lock::Changes).await?;
    let mut insert = Query::insert();
    insert.into_table(Entity).columns([Column::Kind, Column::Key, Column::CreatedAt]);
    let ids = changes.iter().map(|(kind, key)| (*kind, key.to_string()));
    for (kind, key) in ids.chain(more.iter().cloned()) {
        insert.values_panic([kind.as_str().into(), key.into(), database_now(tx)]);
    }
    tx.execute(&insert).await?;
    Ok(())
}

/// The newest `seq`; 0 when nothing was ever recorded.
///
/// # Errors
/// When the database fails.
pub async fn newest<C: ConnectionTrait>(db: &C, _scope: &Scope) -> Result<i64, StoreError> {
    let newest: Option<Option<i64>> =
        Entity::find().select_only().column_as(Column::Seq.max(), "seq").into_tuple().one(db).await?;
    Ok(Ord::max(newest.flatten().unwrap_or_default(), pruned(db).await?))
}

/// What was recorded after `seq`, oldest first, at most 1,000 rows; none when rows after `seq` were pruned.
///
/// # Errors
/// When the database fails.
pub async fn after<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    seq: i64,
) -> Result<Option<Vec<Model>>, StoreError> {
    let rows =
        Entity::find().filter(Column::Seq.gt(seq)).order_by_asc(Column::Seq).limit(PAGE).all(db).await?;
    Ok((pruned(db).await? <= seq).then_some(rows))
}

/// Removes rows older than a day and keeps the highest `seq` among them.
///
/// # Errors
/// When the database fails.
pub async fn prune(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    let old = || Expr::col(Column::CreatedAt).lt(database_now(tx).sub(KEPT_MS));
    let highest: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Seq.max(), "seq")
        .filter(old())
        .into_tuple()
        .one(tx)
        .await?;
    let Some(highest) = highest.flatten() else { return Ok(()) };
    settings::put(tx, PRUNED, &highest.to_string()).await?;
    Entity::delete_many().filter(Column::Seq.lte(highest)).exec(tx).await?;
    Ok(())
}

async fn pruned<C: ConnectionTrait>(db: &C) -> Result<i64, StoreError> {
    let stored = settings::get(db, &Scope::system(), PRUNED).await?;
    Ok(stored.and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Milliseconds since 1970 by the database's clock.
fn database_now<C: ConnectionTrait>(db: &C) -> SimpleExpr {
    match db.get_database_backend() {
        DbBackend::Postgres => Expr::cust("cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"),
        _ => Expr::cust("cast(unixepoch('subsec') * 1000 as integer)"),
    }
}
