//! States of hosts as they turn: found by a tick, told through `changes`.

use entity::hosts::Model;
use entity::id::HostId;
use entity::kind::ChangeKind;

use super::HostStatus;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::hosts::Freshness;
use crate::store::{changes, hosts};

/// Hosts in one transaction; where more have turned, whoever follows them is told to read anew.
const BATCH: u64 = 1_000;

impl Fleet {
    /// Notes and tells which hosts came online, went offline or missing. A task; of several servers any one does it.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn tell_statuses(&self) -> Result<(), FleetError> {
        while self.tell_some_statuses().await? {}
        Ok(())
    }

    /// Does so for some hosts, and answers whether there may be more.
    async fn tell_some_statuses(&self) -> Result<bool, FleetError> {
        let (at, system) = (self.freshness(), Scope::system());
        let stale = hosts::stale_statuses(self.store.reader(), &system, &at, BATCH).await?;
        if stale.is_empty() {
            return Ok(false);
        }
        let tx = self.store.begin().await?;
        let rows = hosts::lock_rows(&tx, &system, &stale).await?;
        let turned: Vec<(&Model, HostStatus)> = rows
            .iter()
            .map(|row| (row, at.status(row.last_seen_at, row.check_in_interval_s)))
            .filter(|(row, status)| row.status != *status)
            .collect();
        for status in HostStatus::ALL {
            let of_status = turned.iter().filter(|(_, turned)| turned == status);
            let ids: Vec<HostId> = of_status.map(|(row, _)| row.id).collect();
            hosts::write_status(&tx, &ids, *status).await?;
        }
        let are_many = stale.len() as u64 >= BATCH;
        let each = || turned.iter().map(|(row, _)| (kind_of(row, &at), row.id.0)).collect();
        let told: Vec<_> = if are_many { vec![(ChangeKind::Hosts, 0)] } else { each() };
        changes::record(&tx, &told).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(are_many)
    }
}

/// What is told of a host whose state has turned. A new one is stored as missing, which no host can be so soon.
fn kind_of(row: &Model, at: &Freshness) -> ChangeKind {
    let is_new = row.status == HostStatus::Missing && row.enrolled_at > at.now.minus(at.missing_after);
    if is_new { ChangeKind::HostEnrolled } else { ChangeKind::HostStatus }
}
