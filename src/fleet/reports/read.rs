//! Reading reports.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use entity::id::{HostId, SavedQueryId};

use super::Report;
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::osquery_config::ConfiguredHost;
use crate::fleet::saved_queries::SavedQuery;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::reports::{self, Of};

impl Fleet {
    /// Reports of each saved query on visible hosts, by the order in which they began.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn reports_of_queries(
        &self,
        actor: &Actor,
        queries: &[SavedQueryId],
        page: &PageRequest,
    ) -> Result<HashMap<SavedQueryId, Page<Report>>, FleetError> {
        self.reports_of(actor, queries, Of::Query, page).await
    }

    /// Reports of each visible host, those of queries that are not on its schedule included.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn reports_of_hosts(
        &self,
        actor: &Actor,
        hosts: &[HostId],
        page: &PageRequest,
    ) -> Result<HashMap<HostId, Page<Report>>, FleetError> {
        self.reports_of(actor, hosts, Of::Host, page).await
    }

    async fn reports_of<K: Copy + Eq + Hash>(
        &self,
        actor: &Actor,
        owners: &[K],
        of: impl Fn(K) -> Of,
        page: &PageRequest,
    ) -> Result<HashMap<K, Page<Report>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let whose: Vec<Of> = owners.iter().copied().map(&of).collect();
        let mut found = reports::pages(self.store.reader(), &scope, &whose, page).await?;
        let pages =
            owners.iter().map(|owner| (*owner, found.remove(&of(*owner)).unwrap_or_else(Page::empty)));
        Ok(pages.collect())
    }

    /// The queries on the schedule of each visible host that it never answered, by id. Those that are for other platforms
    /// are left out, and those whose results are not kept: nobody can know.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn unanswered_queries(
        &self,
        actor: &Actor,
        hosts: &[ConfiguredHost],
    ) -> Result<HashMap<ConfiguredHost, Vec<SavedQuery>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        self.remember_labels(hosts).await?;
        let ids: Vec<HostId> = hosts.iter().map(|host| host.id).collect();
        let answered = reports::reported(self.store.reader(), &scope, &ids).await?;
        let mut open = HashMap::<ConfiguredHost, BTreeSet<SavedQueryId>>::new();
        for host in hosts {
            let schedule = self.served_to(*host).await?;
            let is_answered =
                |query: &SavedQueryId| answered.get(&host.id).is_some_and(|of| of.contains(query));
            let kept =
                schedule.names.values().filter(|query| !query.discard && query.runs).map(|query| query.query);
            open.insert(*host, kept.filter(|query| !is_answered(query)).collect());
        }
        let any: BTreeSet<SavedQueryId> = open.values().flatten().copied().collect();
        let found = self.saved_queries_by_ids(actor, &any.into_iter().collect::<Vec<_>>()).await?;
        let shown =
            |ids: BTreeSet<SavedQueryId>| ids.iter().filter_map(|id| found.get(id).cloned()).collect();
        Ok(open.into_iter().map(|(host, ids)| (host, shown(ids))).collect())
    }
}
