//! Table `users`.

use sea_orm::entity::prelude::*;

use crate::id::{PublicId, UserId};
use crate::kind::Role;
use crate::time::Timestamp;

/// A person who signs in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: UserId,
    /// Outside id, `usr_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// E-mail in lower case.
    #[sea_orm(unique)]
    pub email: String,
    /// Name to show.
    pub name: String,
    /// argon2id, in PHC form.
    pub password_hash: String,
    /// Global role, if any.
    pub role: Option<Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was disabled.
    pub disabled_at: Option<Timestamp>,
    /// Grows with every change by hand.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
