//! Campaigns whose events are gone by their age.

use entity::campaign_events;
use entity::campaigns::{Column, Entity};
use entity::id::CampaignId;
use entity::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::policy::Scope;
use crate::store::StoreError;

/// Marks up to `limit` campaigns that ended before a time as those whose events are gone, and answers how many.
///
/// # Errors
/// When the database fails.
pub async fn mark_purged(
    tx: &DatabaseTransaction,
    (ended_before, now): (Timestamp, Timestamp),
    limit: u64,
) -> Result<u64, StoreError> {
    let over = Entity::find().select_only().column(Column::Id).filter(Column::EventsPurgedAt.is_null());
    let over = over.filter(Column::EndedAt.lt(ended_before)).order_by_asc(Column::EndedAt).limit(limit);
    let over: Vec<CampaignId> = over.into_tuple().all(tx).await?;
    let marked = Entity::update_many()
        .col_expr(Column::EventsPurgedAt, Expr::value(now.0))
        .filter(Column::Id.is_in(over))
        .exec(tx)
        .await?;
    Ok(marked.rows_affected)
}

/// The campaigns that were marked from a time on and still have events.
///
/// # Errors
/// When the database fails.
pub async fn purged_with_events<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    from: Timestamp,
) -> Result<Vec<CampaignId>, StoreError> {
    let mut left = Query::select();
    left.expr(Expr::value(1)).from(campaign_events::Entity).and_where(
        Expr::col((campaign_events::Entity, campaign_events::Column::CampaignId))
            .equals((Entity, Column::Id)),
    );
    let marked = Entity::find().select_only().column(Column::Id).filter(Column::EventsPurgedAt.gte(from));
    Ok(marked.filter(Expr::exists(left)).order_by_asc(Column::Id).into_tuple().all(db).await?)
}
