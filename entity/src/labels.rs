//! Table `labels`.

use sea_orm::entity::prelude::*;

use crate::id::{LabelId, PublicId, TeamId};
use crate::kind::{LabelKind, Platform};
use crate::time::Timestamp;

/// A label: a named set of hosts.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "labels")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: LabelId,
    /// Outside id, `lbl_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name to show, unique in its team.
    pub name: String,
    /// How its members are found.
    pub kind: LabelKind,
    /// Owner team; 0 for global.
    pub team_id: TeamId,
    /// Built-in labels: the platform whose hosts are members; none for all hosts.
    pub platform: Option<Platform>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
