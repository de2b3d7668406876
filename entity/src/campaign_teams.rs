//! Table `campaign_teams`.

use sea_orm::entity::prelude::*;

use crate::id::{CampaignId, TeamId};

/// Counters of a campaign for one team.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_teams")]
pub struct Model {
    /// The campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    /// Team at the start; 0 for none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// Hosts asked.
    pub targeted: i64,
    /// Hosts that answered with rows, perhaps none.
    pub succeeded: i64,
    /// Hosts that answered with an error.
    pub failed: i64,
    /// Rows kept.
    pub rows: i64,
    /// Rows dropped by a limit.
    pub rows_dropped: i64,
}

impl ActiveModelBehavior for ActiveModel {}
