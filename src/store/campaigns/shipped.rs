//! Campaigns whose events go to log destinations.

use entity::campaigns::{Column, Entity};
use entity::id::{CampaignId, PublicId};
use entity::kind::CampaignStatus;
use entity::time::Timestamp;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::policy::Scope;
use crate::store::StoreError;

/// What is shipped of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The campaign.
    pub id: CampaignId,
    /// Its outside id.
    pub public_id: PublicId,
    /// Name to show.
    pub name: Option<String>,
    /// Its state.
    pub status: CampaignStatus,
    /// Position of its newest event.
    pub last_position: i64,
}

/// The newest campaign that was started at `time` or before; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub async fn newest_until<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    time: Timestamp,
) -> Result<CampaignId, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).filter(Column::CreatedAt.lte(time));
    let newest: Option<CampaignId> = newest.order_by_desc(Column::Id).limit(1).into_tuple().one(db).await?;
    Ok(newest.unwrap_or(CampaignId(0)))
}

/// Campaigns behind an id, and these, in the order of their ids, as far as their events are kept.
///
/// # Errors
/// When the database fails.
pub async fn shipped<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    behind: CampaignId,
    these: &[CampaignId],
) -> Result<Vec<Shipped>, StoreError> {
    let wanted = Condition::any().add(Column::Id.gt(behind)).add(Column::Id.is_in(these.iter().copied()));
    let columns = [Column::Id, Column::PublicId, Column::Name, Column::Status, Column::LastPosition];
    let rows: Vec<(CampaignId, PublicId, Option<String>, CampaignStatus, i64)> = Entity::find()
        .select_only()
        .columns(columns)
        .filter(wanted)
        .filter(Column::EventsPurgedAt.is_null())
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let shipped =
        |(id, public_id, name, status, last_position)| Shipped { id, public_id, name, status, last_position };
    Ok(rows.into_iter().map(shipped).collect())
}
