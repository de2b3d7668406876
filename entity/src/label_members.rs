//! Table `label_members`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, LabelId};

/// Membership of a host in a label.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "label_members")]
pub struct Model {
    /// The label.
    #[sea_orm(primary_key, auto_increment = false)]
    pub label_id: LabelId,
    /// The member.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
}

impl ActiveModelBehavior for ActiveModel {}
