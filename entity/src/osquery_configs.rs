//! Table `osquery_configs`.

use sea_orm::entity::prelude::*;

use crate::id::{TeamId, UserId};
use crate::time::Timestamp;

/// A layer of what hosts are configured with, beside schedule and packs.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "osquery_configs")]
pub struct Model {
    /// The team whose hosts it is for; 0 for all hosts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// The platform whose hosts it is for; `all` for every one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub audience: String,
    /// A JSON object.
    pub document: String,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
