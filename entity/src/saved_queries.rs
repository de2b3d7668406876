//! Table `saved_queries`.

use sea_orm::entity::prelude::*;

use crate::id::{PublicId, SavedQueryId, TeamId, UserId};
use crate::time::Timestamp;

/// A saved query: SQL with a name.
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
    /// Name, unique in its team.
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
}

impl ActiveModelBehavior for ActiveModel {}
