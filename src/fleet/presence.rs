//! Presence: when each host was last seen, in memory; flushed in batches of its own.

use entity::id::HostId;

use super::{Fleet, FleetError};
use crate::clock::Timestamp;

/// Last-seen times that the store may not have yet.
pub struct Presence {}

impl Presence {
    /// Notes that the host made contact. Never blocks on I/O.
    pub fn seen(&self, _host: HostId, _now: Timestamp) {
        todo!()
    }

    /// When the host was last seen, if this server has seen it.
    #[must_use]
    pub fn last_seen(&self, _host: HostId) -> Option<Timestamp> {
        todo!()
    }
}

impl Fleet {
    /// Writes what is due: a host at most every 30 s, in id order, never backwards.
    ///
    /// # Errors
    /// Unavailable; what was not written stays due.
    pub async fn flush_presence(&self) -> Result<(), FleetError> {
        todo!()
    }
}
