//! Table `leases`.

use sea_orm::entity::prelude::*;

use crate::id::PublicId;
use crate::time::Timestamp;

/// What one server at a time does, and which one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    /// What it is for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The server that has it: an id of its own, new at each start.
    pub holder: PublicId,
    /// Until when; from then on any server may take it.
    pub ends_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
