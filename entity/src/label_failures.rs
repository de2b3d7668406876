//! Table `label_failures`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, LabelId};
use crate::time::Timestamp;

/// The last answer of a host to the SQL of a label was a failure: its membership stays as it was.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "label_failures")]
pub struct Model {
    /// The label.
    #[sea_orm(primary_key, auto_increment = false)]
    pub label_id: LabelId,
    /// The host.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
    /// What the host says.
    pub message: String,
    /// When it failed first, since it last did not.
    pub failed_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
