//! Table `campaign_answers`.

use sea_orm::entity::prelude::*;

use crate::id::{CampaignId, HostId, PublicId, TeamId};
use crate::kind::HostErrorCode;
use crate::time::Timestamp;

/// What one host answered in one campaign; its events hold the rows. No foreign key to hosts.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_answers")]
pub struct Model {
    /// The campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    /// The host, perhaps deleted since.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
    /// Team of the host at the start of the campaign; 0 for none.
    pub team_id: TeamId,
    /// Outside id of the host.
    pub host_public_id: PublicId,
    /// Host name as of the answer.
    pub hostname: String,
    /// Why it failed; none for success.
    pub error_code: Option<HostErrorCode>,
    /// osquery's message, cleaned and cut to 1 KiB.
    pub error_message: Option<String>,
    /// Rows kept.
    pub rows: i64,
    /// Rows dropped by a limit.
    pub rows_dropped: i64,
    /// Time the query took on the host, when reported.
    pub duration_ms: Option<i64>,
    /// When it was stored.
    pub responded_at: Timestamp,
    /// Position of its first event.
    pub first_position: i64,
    /// Position of its last event.
    pub last_position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
