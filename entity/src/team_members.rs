//! Table `team_members`.

use sea_orm::entity::prelude::*;

use crate::id::{TeamId, UserId};
use crate::kind::Role;

/// A role of a user in one team.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "team_members")]
pub struct Model {
    /// The user.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The team.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// The role.
    pub role: Role,
}

impl ActiveModelBehavior for ActiveModel {}
