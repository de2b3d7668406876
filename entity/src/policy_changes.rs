//! Table `policy_changes`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, PolicyChangeId, PolicyId};
use crate::kind::PolicyState;
use crate::time::Timestamp;

/// That a host came to answer a policy otherwise than before.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_changes")]
pub struct Model {
    /// Inside id, in order of time.
    #[sea_orm(primary_key)]
    pub id: PolicyChangeId,
    /// The policy.
    pub policy_id: PolicyId,
    /// The host.
    pub host_id: HostId,
    /// What it answered from then on.
    pub state: PolicyState,
    /// What it answered before; none when it was the first answer.
    pub before: Option<PolicyState>,
    /// When.
    pub changed_at: Timestamp,
    /// Why the query could not be run.
    pub error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
