//! Table `campaigns`.

use sea_orm::entity::prelude::*;

use crate::id::{ApiTokenId, CampaignId, PublicId, SavedQueryId, UserId};
use crate::kind::CampaignStatus;
use crate::time::Timestamp;

/// A campaign: one live query over a set of hosts.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaigns")]
pub struct Model {
    /// Inside id; smaller is older.
    #[sea_orm(primary_key)]
    pub id: CampaignId,
    /// Outside id, `cmp_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name to show.
    pub name: Option<String>,
    /// SQL that runs.
    pub sql: String,
    /// Saved query it came from.
    #[sea_orm(indexed)]
    pub saved_query_id: Option<SavedQueryId>,
    /// Campaign it asks again.
    pub rerun_of: Option<CampaignId>,
    /// Who started it; none for the system.
    pub created_by: Option<UserId>,
    /// The API token that was used, if one was.
    pub created_by_token: Option<ApiTokenId>,
    /// State; only RUNNING ever changes, and under the row lock.
    #[sea_orm(indexed)]
    pub status: CampaignStatus,
    /// What was asked for, as JSON in the form of the API.
    pub selection: String,
    /// Start.
    pub created_at: Timestamp,
    /// When it ends by itself, by the database's clock.
    pub expires_at: Timestamp,
    /// End.
    pub ended_at: Option<Timestamp>,
    /// Position of its newest event; 0 before the first.
    pub last_position: i64,
    /// Hosts asked.
    pub targeted: i64,
    /// Hosts that have not answered.
    pub outstanding: i64,
    /// Rows kept.
    pub rows: i64,
    /// Bytes of event bodies kept.
    pub bytes: i64,
    /// When retention took its events.
    pub events_purged_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
