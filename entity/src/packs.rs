//! Table `packs`.

use sea_orm::entity::prelude::*;

use crate::id::{PackId, PublicId, TeamId, UserId};
use crate::time::Timestamp;

/// A pack: a group of scheduled queries that run under common conditions.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "packs")]
pub struct Model {
    /// Inside id, from 1; 0 stands for "no pack" in other tables and is never a row.
    #[sea_orm(primary_key)]
    pub id: PackId,
    /// Outside id, `pck_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name, unique in its team.
    pub name: String,
    /// Purpose.
    pub description: Option<String>,
    /// Owner team; 0 for global.
    pub team_id: TeamId,
    /// Platforms it runs on, as osquery reads them; none for all.
    pub platform: Option<String>,
    /// Least osquery version it runs on.
    pub min_osquery_version: Option<String>,
    /// Percent of the hosts it runs on, 1 to 100; none for all.
    pub shard: Option<i32>,
    /// SQL that must all return a row on a host where it runs, as a JSON list.
    pub discovery: String,
    /// Which labels a host must have, as JSON.
    pub label_scope: String,
    /// Hosts are given it.
    pub enabled: bool,
    /// Author.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
