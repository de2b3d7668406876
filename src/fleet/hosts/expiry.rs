//! Hosts that are not seen any more go by themselves, after the days that their team or the fleet's settings say.

use std::time::Duration;

use entity::id::TeamId;

use super::manage::MAX_HOSTS;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Actor, Scope};
use crate::store::{hosts, membership_lock_exclusive, teams};

/// A server that has just started has heard of nobody: hosts have this long to be heard of.
const SETTLING: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Fleet {
    /// Deletes hosts that were not seen for as many days as is set. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn expire_hosts(&self) -> Result<(), FleetError> {
        if self.clock.now() < self.started_at.plus(SETTLING) {
            return Ok(());
        }
        let everywhere = self.settings_in_force().await?.host_expiry_days;
        let of_teams = teams::expiries(self.store.reader(), &Scope::system()).await?;
        for (team, days) in of_teams.into_iter().chain([(TeamId::NONE, None)]) {
            let days = days.map_or(everywhere, |days| u32::try_from(days).ok());
            if let Some(days) = days.filter(|days| *days > 0) {
                while self.expire_some(team, DAY.saturating_mul(days)).await? {}
            }
        }
        Ok(())
    }

    /// Deletes some hosts of a team that were not seen for so long, and answers whether there may be more.
    async fn expire_some(&self, team: TeamId, age: Duration) -> Result<bool, FleetError> {
        let tx = self.store.begin().await?;
        membership_lock_exclusive(&tx).await?;
        let before = self.clock.now().minus(age);
        let limit = MAX_HOSTS as u64;
        let doomed = hosts::expired(&tx, &Scope::system(), team, before, limit).await?;
        if doomed.is_empty() {
            tx.rollback().await?;
            return Ok(false);
        }
        let is_full = doomed.len() as u64 >= limit;
        self.remove_hosts(tx, &Actor::System, doomed, "host.expired").await?;
        Ok(is_full)
    }
}
