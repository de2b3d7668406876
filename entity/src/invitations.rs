//! Table `invitations`.

use sea_orm::entity::prelude::*;

use crate::id::{InvitationId, PublicId, TeamId, UserId};
use crate::kind::Role;
use crate::time::Timestamp;

/// An invitation: its token makes an account for one e-mail, once; only the keyed hash is stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: InvitationId,
    /// Outside id, `inv_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// E-mail in lower case.
    pub email: String,
    /// Team the role is for; 0 for everywhere.
    pub team_id: TeamId,
    /// The role it gives.
    pub role: Role,
    /// HMAC-SHA-256 of the token, 32 bytes.
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    /// Who made it; none for the command line.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was accepted or revoked.
    pub closed_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
