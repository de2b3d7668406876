//! Table `campaign_targets`.

use sea_orm::entity::prelude::*;

use crate::id::{CampaignId, TeamId};

/// The target set of a campaign, frozen at its start: one bitmap a team.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_targets")]
pub struct Model {
    /// The campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    /// Team of these hosts at the start; 0 for none. No foreign key: a team may be deleted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// Host ids as a serialised Roaring bitmap.
    pub hosts: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
