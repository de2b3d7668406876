//! Table `password_resets`.

use sea_orm::entity::prelude::*;

use crate::id::{PasswordResetId, UserId};
use crate::time::Timestamp;

/// A token that sets a new password, once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_resets")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: PasswordResetId,
    /// Whose password.
    #[sea_orm(indexed)]
    pub user_id: UserId,
    /// The e-mail that the user had then: it is for no other.
    pub email: String,
    /// HMAC-SHA-256 of the token, 32 bytes.
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
