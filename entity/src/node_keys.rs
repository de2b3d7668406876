//! Table `node_keys`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, NodeKeyId};
use crate::time::Timestamp;

/// A node key: what a host proves itself with; only its keyed hash is stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "node_keys")]
pub struct Model {
    /// Inside id, in order of issue.
    #[sea_orm(primary_key)]
    pub id: NodeKeyId,
    /// Whose key it is.
    #[sea_orm(indexed)]
    pub host_id: HostId,
    /// HMAC-SHA-256 of the key, 32 bytes.
    #[sea_orm(unique)]
    pub key_hash: Vec<u8>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it was first used; that ends the keys issued before it.
    pub first_used_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The installation of osquery that asked for it, when it said.
    pub instance_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
