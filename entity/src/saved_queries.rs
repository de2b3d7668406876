//! Table `saved_queries`.
#![expect(clippy::struct_excessive_bools, reason = "one for each column")]

use sea_orm::entity::prelude::*;

use crate::id::{PackId, PublicId, SavedQueryId, TeamId, UserId};
use crate::kind::ScheduleLogging;
use crate::time::Timestamp;

/// A saved query: SQL with a name, perhaps a schedule.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saved_queries")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: SavedQueryId,
    /// Outside id, `qry_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name, unique in its pack, or among those of its team that are in none.
    pub name: String,
    /// osquery SQL.
    pub sql: String,
    /// Purpose.
    pub description: Option<String>,
    /// Observers may run it live.
    pub observer_can_run: bool,
    /// Owner team; 0 for global.
    #[sea_orm(indexed)]
    pub team_id: TeamId,
    /// Author.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
    /// Its pack; 0 for none.
    pub pack_id: PackId,
    /// Seconds between two runs of its schedule, 1 to 604,800; none when it has no schedule, and what follows means
    /// nothing.
    pub interval_s: Option<i32>,
    /// Platforms it runs on, as osquery reads them; none for all.
    pub platform: Option<String>,
    /// Least osquery version it runs on.
    pub min_osquery_version: Option<String>,
    /// What is logged of a run.
    pub logging: ScheduleLogging,
    /// Percent of the hosts it runs on, 1 to 100; none for all.
    pub shard: Option<i32>,
    /// An agent that dies while it runs it does not run it again for a day.
    pub denylist: bool,
    /// Which labels a host must have, as JSON.
    pub label_scope: String,
    /// Its results are not kept as reports.
    pub discard_data: bool,
    /// Its results are shipped to destinations.
    pub automations: bool,
}

impl ActiveModelBehavior for ActiveModel {}
