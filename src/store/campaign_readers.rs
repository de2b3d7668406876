//! Table `campaign_readers`: who has read rows of a campaign.

use entity::campaign_readers::{Column, Entity, Model};
use entity::id::CampaignId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};

use super::StoreError;

/// Notes readers, and answers the campaigns of those that were not noted before.
///
/// # Errors
/// When the database fails.
pub async fn note(tx: &DatabaseTransaction, readers: Vec<Model>) -> Result<Vec<CampaignId>, StoreError> {
    let readers = readers.into_iter().map(|reader| reader.into_active_model().reset_all());
    let once = OnConflict::columns([Column::CampaignId, Column::Reader]).do_nothing().to_owned();
    match Entity::insert_many(readers).on_conflict(once).exec_with_returning_keys(tx).await {
        Ok(new) => Ok(new.into_iter().map(|(campaign, _)| campaign).collect()),
        Err(DbErr::RecordNotInserted) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
