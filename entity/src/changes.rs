//! Table `changes`.

use sea_orm::entity::prelude::*;

use crate::kind::ChangeKind;
use crate::time::Timestamp;

/// What one server must tell the others, in commit order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "changes")]
pub struct Model {
    /// Commit order.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// What changed.
    pub kind: ChangeKind,
    /// Inside id of what changed, in decimal.
    pub key: String,
    /// When it changed.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
