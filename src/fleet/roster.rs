//! The roster: which host a node key stands for, in memory.
//!
//! A miss reads the store once; unknown keys are remembered briefly. A fill notes its shard's generation before it
//! reads, applying a change moves the generation, and what was read under an older one is used once and not kept.

use entity::id::{HostId, NodeKeyId, PublicId, TeamId};

use super::{Fleet, FleetError};

/// A host that has proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// Inside id.
    pub id: HostId,
    /// Outside id.
    pub public_id: PublicId,
    /// Its team; [`TeamId::NONE`] for none.
    pub team: TeamId,
    /// Host name.
    pub hostname: String,
    /// The key it used.
    pub key: NodeKeyId,
}

/// Node keys by hash, in shards.
pub struct Roster {}

impl Fleet {
    /// The host of a node key; none when the store does not know the key, or it cannot be ours by its form.
    /// With a warm roster: memory only. The first use of a key is stored before it is answered.
    ///
    /// # Errors
    /// Unavailable: the store could not be asked; nothing is said about the key.
    pub async fn known_host(&self, _node_key: &str) -> Result<Option<KnownHost>, FleetError> {
        todo!()
    }
}
