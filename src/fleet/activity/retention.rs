//! Retention: the only thing that deletes from the audit trail, and what is over of people's credentials.

use crate::fleet::{Fleet, FleetError};
use crate::store::{activities, login_failures, password_resets, sessions};

/// Rows deleted in one transaction.
const SLICE: u64 = 1_000;

impl Fleet {
    /// Deletes entries of the audit trail that are older than they are kept, in slices. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn prune_activities(&self) -> Result<(), FleetError> {
        let oldest = self.clock.now().minus(self.settings.activity_retention);
        loop {
            let tx = self.store.begin().await?;
            let deleted = activities::delete_before(&tx, oldest, SLICE).await?;
            tx.commit().await?;
            if deleted < SLICE {
                return Ok(());
            }
        }
    }

    /// Deletes what is over: failed sign-ins that count no more, resets that ended, and sessions that ended as long ago
    /// as a refresh token lives. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn prune_credentials(&self) -> Result<(), FleetError> {
        let now = self.clock.now();
        let tx = self.store.begin().await?;
        login_failures::delete_before(&tx, now.minus(super::super::sessions::LOGIN_WINDOW)).await?;
        password_resets::delete_before(&tx, now).await?;
        sessions::delete_over(&tx, now.minus(self.settings.refresh_token_ttl), SLICE).await?;
        Ok(tx.commit().await?)
    }
}
