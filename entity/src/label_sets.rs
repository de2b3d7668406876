//! Table `label_sets`.

use sea_orm::entity::prelude::*;

use crate::id::{LabelId, TeamId};

/// The members of a dynamic or manual label: one bitmap a team, kept by deltas beside the rows of `label_members`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "label_sets")]
pub struct Model {
    /// The label.
    #[sea_orm(primary_key, auto_increment = false)]
    pub label_id: LabelId,
    /// The team of these hosts; 0 for none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: TeamId,
    /// Host ids as a serialised Roaring bitmap.
    pub hosts: Vec<u8>,
    /// How many hosts there are.
    pub host_count: i64,
}

impl ActiveModelBehavior for ActiveModel {}
