//! Table `campaign_readers`: who has read rows of a campaign.

use entity::campaign_readers::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, EntityTrait, IntoActiveModel};

use super::StoreError;

/// Notes a reader; false when they were noted before.
///
/// # Errors
/// When the database fails.
pub async fn note(tx: &DatabaseTransaction, reader: Model) -> Result<bool, StoreError> {
    let reader: ActiveModel = reader.into_active_model();
    let once = OnConflict::columns([Column::CampaignId, Column::Reader]).do_nothing().to_owned();
    let inserted = Entity::insert(reader).on_conflict(once).exec_without_returning(tx).await?;
    Ok(inserted == 1)
}
