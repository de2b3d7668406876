//! Table `campaign_readers`.

use sea_orm::entity::prelude::*;

use crate::id::CampaignId;
use crate::time::Timestamp;

/// That somebody has read rows of a campaign.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_readers")]
pub struct Model {
    /// The campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    /// Outside id of who read.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reader: String,
    /// When they first did.
    pub first_read_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
