//! Table `campaign_events`.

use sea_orm::entity::prelude::*;

use crate::id::{CampaignId, HostId, TeamId};
use crate::kind::EventKind;
use crate::time::Timestamp;

/// An event of a campaign: a chunk of rows, a failure, or the end.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_events")]
pub struct Model {
    /// The campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    /// 1, 2, 3 … without holes; never shown outside.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// What happened.
    pub kind: EventKind,
    /// Team that may see it (0 for hosts in none); none for the end, which all may see.
    pub team_id: Option<TeamId>,
    /// The host, for rows and failures.
    pub host_id: Option<HostId>,
    /// Server time.
    pub occurred_at: Timestamp,
    /// JSON of the event; its form is the campaign engine's.
    pub body: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
