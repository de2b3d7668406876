//! Table `signing_keys`.

use sea_orm::entity::prelude::*;

use crate::id::SigningKeyId;
use crate::time::Timestamp;

/// A key that signs access tokens. Its secret is derived from the master secret and the id.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// Inside id, which tokens carry as `kid`.
    #[sea_orm(primary_key)]
    pub id: SigningKeyId,
    /// When it was made; from then on it signs.
    pub created_at: Timestamp,
    /// Until when what earlier keys signed is in force.
    pub earlier_until: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
