//! Table `policy_labels`.

use sea_orm::entity::prelude::*;

use crate::id::{LabelId, PolicyId};

/// A label that narrows which hosts a policy is about. One that is gone is one that no host has.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_labels")]
pub struct Model {
    /// The policy.
    #[sea_orm(primary_key, auto_increment = false)]
    pub policy_id: PolicyId,
    /// The label.
    #[sea_orm(primary_key, auto_increment = false)]
    pub label_id: LabelId,
    /// Hosts that have it are left out; else a host must have one of those.
    #[sea_orm(primary_key, auto_increment = false)]
    pub is_excluded: bool,
}

impl ActiveModelBehavior for ActiveModel {}
