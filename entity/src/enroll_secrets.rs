//! Table `enroll_secrets`.

use sea_orm::entity::prelude::*;

use crate::id::{EnrollSecretId, PublicId, TeamId, UserId};
use crate::time::Timestamp;

/// An enroll secret: what lets a host in; only its keyed hash is stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "enroll_secrets")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: EnrollSecretId,
    /// Outside id, `sec_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Name to show.
    pub name: Option<String>,
    /// Team its hosts land in; 0 for none.
    pub team_id: TeamId,
    /// HMAC-SHA-256 of the secret, 32 bytes.
    #[sea_orm(unique)]
    pub secret_hash: Vec<u8>,
    /// Who made it; none for the command line.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
