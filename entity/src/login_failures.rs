//! Table `login_failures`.

use sea_orm::entity::prelude::*;

use crate::id::LoginFailureId;
use crate::time::Timestamp;

/// A sign-in that failed of late.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "login_failures")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: LoginFailureId,
    /// HMAC-SHA-256 of the e-mail that was tried.
    pub account: Vec<u8>,
    /// Address or network it was tried from.
    pub source: String,
    /// When.
    pub failed_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
