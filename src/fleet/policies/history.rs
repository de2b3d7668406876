//! How hosts came to stand to policies as they do, and how long that is remembered.

use std::collections::HashMap;

use entity::id::{HostId, PolicyId};

use super::PolicyTurn;
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::policy_changes;

/// Rows deleted in one transaction.
const SLICE: u64 = 1_000;

impl Fleet {
    /// A page of how each visible host came to stand to each policy, the newest first; empty while it has not answered.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn policy_history(
        &self,
        actor: &Actor,
        of: &[(HostId, PolicyId)],
        page: &PageRequest,
    ) -> Result<HashMap<(HostId, PolicyId), Page<PolicyTurn>>, FleetError> {
        let seen = allow(actor, Action::ReadHosts, None)?;
        Ok(policy_changes::pages(self.store.reader(), &seen, of, page).await?)
    }

    /// Deletes what is older than the history of policies is kept, in slices. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn prune_policy_history(&self) -> Result<(), FleetError> {
        let oldest = self.clock.now().minus(self.settings.policy_history);
        loop {
            let tx = self.store.begin().await?;
            let deleted = policy_changes::delete_before(&tx, oldest, SLICE).await?;
            tx.commit().await?;
            if deleted < SLICE {
                return Ok(());
            }
        }
    }
}
