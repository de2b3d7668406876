//! Table `policy_counts`.

use sea_orm::entity::prelude::*;

use crate::id::{PolicyId, TeamId};

/// How many hosts of a team stand how to a policy: what counting `policy_results` would tell.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_counts")]
pub struct Model {
    /// The policy.
    #[sea_orm(primary_key, auto_increment = false)]
    pub policy_id: PolicyId,
    /// The team of the hosts; 0 for none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// Hosts that pass.
    pub passing: i64,
    /// Hosts that fail.
    pub failing: i64,
    /// Hosts where the query could not be run.
    pub erring: i64,
}

impl ActiveModelBehavior for ActiveModel {}
