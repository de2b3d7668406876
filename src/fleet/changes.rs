//! What one server must tell the others.
//!
//! A verb that changes what servers hold in memory records rows of `changes` as the last statement of its
//! transaction and calls [`Fleet::announce`] after the commit. Every server reads from its last `seq` when the bus
//! says so, and every second.

use super::{Fleet, FleetError};

/// How far this server has read.
pub struct Reader {}

impl Fleet {
    /// After a commit that recorded changes: applies them here at once, then tells the other servers to look.
    pub(crate) async fn announce(&self) {
        todo!("owner: campaigns")
    }

    /// Reads and applies what is new in `changes`.
    ///
    /// # Errors
    /// Unavailable; the next call goes on from the same place.
    pub async fn catch_up(&self) -> Result<(), FleetError> {
        todo!("owner: campaigns")
    }
}
