//! Table `label_layers`.

use sea_orm::entity::prelude::*;

use crate::id::{TeamId, UserId};
use crate::time::Timestamp;

/// A layer of what hosts with labels are configured with, over those of table `osquery_configs`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "label_layers")]
pub struct Model {
    /// The team whose hosts it is for; 0 for all hosts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// Name, unique in its team.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The platform whose hosts it is for; `all` for every one.
    pub audience: String,
    /// Of two, the one with more is laid over the other.
    pub priority: i32,
    /// Which labels a host must have, as JSON.
    pub label_scope: String,
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
