//! How many hosts there are, by what they are.

use entity::id::LabelId;

use super::HostFilter;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
pub use crate::store::hosts::Tally as HostCounts;
use crate::store::{hosts, labels};

impl Fleet {
    /// How many visible hosts match, by state, platform and team.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host_counts(&self, actor: &Actor, filter: &HostFilter) -> Result<HostCounts, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let db = self.store.reader();
        let filter = self.resolve_host_filter(db, &scope, filter).await?;
        Ok(hosts::tally(db, &scope, &filter, &self.freshness()).await?)
    }

    /// How many visible hosts match, by label; labels that are not visible are among them.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host_counts_by_label(
        &self,
        actor: &Actor,
        filter: &HostFilter,
    ) -> Result<Vec<(LabelId, u64)>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let db = self.store.reader();
        if *filter == HostFilter::default() {
            let counted = labels::count_hosts(db, &scope, None).await?;
            return Ok(counted.into_iter().map(|(label, hosts)| (label, hosts.unsigned_abs())).collect());
        }
        let filter = self.resolve_host_filter(db, &scope, filter).await?;
        Ok(hosts::tally_labels(db, &scope, &filter).await?)
    }
}
