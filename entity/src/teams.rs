//! Table `teams`.

use sea_orm::entity::prelude::*;

use crate::id::{PublicId, TeamId};
use crate::time::Timestamp;

/// A team: a set of hosts, queries and users.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "teams")]
pub struct Model {
    /// Inside id, from 1; 0 stands for "no team" in other tables and is never a row.
    #[sea_orm(primary_key)]
    pub id: TeamId,
    /// Outside id, `tem_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name to show.
    #[sea_orm(unique)]
    pub name: String,
    /// Purpose.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What only some may name in SQL on its hosts, as JSON: beside what holds everywhere.
    pub restrictions: String,
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
    /// Days after which a host that is not seen any more is deleted; 0 for never, none as the fleet's settings say.
    pub host_expiry_days: Option<i32>,
}

impl ActiveModelBehavior for ActiveModel {}
