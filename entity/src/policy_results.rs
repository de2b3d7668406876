//! Table `policy_results`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, PolicyId, TeamId};
use crate::kind::PolicyState;
use crate::time::Timestamp;

/// How a host stands to a policy that is about it, and since when.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_results")]
pub struct Model {
    /// The host.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
    /// The policy.
    #[sea_orm(primary_key, auto_increment = false)]
    pub policy_id: PolicyId,
    /// The team of the host, under which it is counted; 0 for none.
    pub team_id: TeamId,
    /// What it answered last.
    pub state: PolicyState,
    /// Since when it answers so.
    pub since: Timestamp,
    /// When it answered last.
    pub checked_at: Timestamp,
    /// Why the query could not be run.
    pub error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
