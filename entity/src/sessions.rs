//! Table `sessions`.

use sea_orm::entity::prelude::*;

use crate::id::{PublicId, SessionId, UserId};
use crate::time::Timestamp;

/// A session: one sign-in of a user.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: SessionId,
    /// What the access token carries, `ses_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Who is signed in.
    #[sea_orm(indexed)]
    pub user_id: UserId,
    /// HMAC-SHA-256 of the refresh token in force.
    #[sea_orm(unique)]
    pub refresh_hash: Vec<u8>,
    /// Hash of the refresh token before it: its reuse ends the session.
    pub previous_refresh_hash: Option<Vec<u8>>,
    /// When it began.
    pub created_at: Timestamp,
    /// When the refresh token was last exchanged.
    pub refreshed_at: Timestamp,
    /// When the refresh token ends.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Where it was begun from: an address.
    pub source: Option<String>,
    /// The program it was begun with, as that called itself.
    pub agent: Option<String>,
    /// A browser's cookie carries it: `refresh_hash` is that of the cookie, which stays the same.
    pub by_cookie: bool,
}

impl ActiveModelBehavior for ActiveModel {}
