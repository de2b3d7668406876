//! When hosts last answered what is due.

use entity::hosts::{Column, Entity};
use entity::id::HostId;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
};

use super::visible;
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::StoreError;

/// When a host last answered each kind of what is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct Answered {
    /// Its vitals.
    pub vitals_at: Option<Timestamp>,
    /// The queries of its labels.
    pub labels_at: Option<Timestamp>,
    /// Its policies.
    pub policies_at: Option<Timestamp>,
    /// When somebody last wanted everything anew.
    pub refetch_at: Option<Timestamp>,
    /// Since when it takes queries and answers none.
    pub unanswered_since: Option<Timestamp>,
}

/// The columns of [`Answered`].
pub const ANSWERED: [Column; 5] =
    [Column::VitalsAt, Column::LabelsAt, Column::PoliciesAt, Column::RefetchAt, Column::UnansweredSince];

/// When a host last answered; none when it is not there.
///
/// # Errors
/// When the database fails.
pub async fn answered<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    host: HostId,
) -> Result<Option<Answered>, StoreError> {
    let row = visible(scope).filter(Column::Id.eq(host)).select_only().columns(ANSWERED);
    Ok(row.into_model().one(db).await?)
}

/// Notes that hosts are to answer a kind, whose column it is, as if they never had.
///
/// # Errors
/// When the database fails.
pub async fn clear_answered(
    tx: &DatabaseTransaction,
    kind: Column,
    hosts: &[HostId],
) -> Result<(), StoreError> {
    if hosts.is_empty() {
        return Ok(());
    }
    let noted = Entity::update_many().col_expr(kind, Expr::val(None::<i64>));
    noted.filter(Column::Id.is_in(hosts.iter().copied())).exec(tx).await?;
    Ok(())
}

/// Notes that hosts answered all of a kind, whose column it is.
///
/// # Errors
/// When the database fails.
pub async fn set_answered(
    tx: &DatabaseTransaction,
    kind: Column,
    hosts: &[HostId],
    now: Timestamp,
) -> Result<(), StoreError> {
    if hosts.is_empty() {
        return Ok(());
    }
    let noted = Entity::update_many().col_expr(kind, Expr::val(now));
    noted.filter(Column::Id.is_in(hosts.iter().copied())).exec(tx).await?;
    Ok(())
}
