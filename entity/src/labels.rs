//! Table `labels`.

use sea_orm::entity::prelude::*;

use crate::id::{LabelId, PublicId, TeamId, UserId};
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
    /// Purpose.
    pub description: Option<String>,
    /// Dynamic labels: the SQL that returns a row on a host that is a member.
    pub sql: Option<String>,
    /// Dynamic labels: the platforms that are asked, with commas; empty for all.
    pub platforms: String,
    /// Dynamic labels: when SQL or platforms were last changed; hosts are asked anew since then.
    pub asked_since: Timestamp,
    /// Author; none for those that the server made.
    pub created_by: Option<UserId>,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
