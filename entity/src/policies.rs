//! Table `policies`.

use sea_orm::entity::prelude::*;

use crate::id::{PolicyId, PublicId, TeamId, UserId};
use crate::time::Timestamp;

/// A policy: a yes/no query about hosts. One that returns a row passes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policies")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: PolicyId,
    /// Outside id, `pol_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name, unique in its team.
    pub name: String,
    /// osquery SQL.
    pub sql: String,
    /// Purpose.
    pub description: Option<String>,
    /// What to do where it fails.
    pub resolution: Option<String>,
    /// It matters more than others.
    pub critical: bool,
    /// The team whose hosts it is about; 0 for all.
    pub team_id: TeamId,
    /// The platforms it is about, words with commas; empty for all.
    pub platforms: String,
    /// Counts the texts of its SQL, from 1: an answer to an older one is none to this.
    pub revision: i32,
    /// When it, or whom it is about, was last changed so that hosts are to be asked soon.
    pub asked_since: Timestamp,
    /// Author.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Optimistic concurrency: counts updates, from 1.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
