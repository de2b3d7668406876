//! Table `api_tokens`.

use sea_orm::entity::prelude::*;

use crate::id::{ApiTokenId, PublicId, TeamId, UserId};
use crate::kind::TokenScope;
use crate::time::Timestamp;

/// An API token: a credential for programs that acts as its user.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: ApiTokenId,
    /// Outside id, `tok_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Whose roles it has.
    #[sea_orm(indexed)]
    pub user_id: UserId,
    /// Name to show.
    pub name: String,
    /// HMAC-SHA-256 of the token, 32 bytes.
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// What it may do at most.
    pub scope: TokenScope,
    /// The only team it acts in; everywhere the user's roles reach when none.
    pub team_id: Option<TeamId>,
}

impl ActiveModelBehavior for ActiveModel {}
