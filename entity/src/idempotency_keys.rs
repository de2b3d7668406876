//! Table `idempotency_keys`.

use sea_orm::entity::prelude::*;

use crate::id::PublicId;
use crate::time::Timestamp;

/// The first answer to a request that carried an idempotency key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Outside id of the caller.
    #[sea_orm(primary_key, auto_increment = false)]
    pub actor: String,
    /// The key, as given.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Name of the mutation.
    pub operation: String,
    /// SHA-256 of the canonical input.
    pub input_hash: Vec<u8>,
    /// Outside id of what was made.
    pub result: PublicId,
    /// When; the key is kept 24 h.
    #[sea_orm(indexed)]
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
