//! What many objects are asked for at once, with arguments: pages, numbers.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use entity::id::{CampaignId, HostId, LabelId, PackId, PolicyId, PublicId, SavedQueryId, TeamId};

use super::Fetch;
use crate::fleet::campaigns::{self, Campaign, EventPage, EventsWanted, HostAnswer, Target, TargetFilter};
use crate::fleet::hosts::{Host, HostFilter, HostSort, Page, PageRequest};
use crate::fleet::labels::LabelFailure;
use crate::fleet::osquery_config::ConfiguredHost;
use crate::fleet::policies::{PolicyResult, PolicyState, PolicyTurn};
use crate::fleet::reports::{QueryHealth, Report, ReportState, ScheduledQuery};
use crate::fleet::saved_queries::SavedQuery;
use crate::graphql::error::Failure;

/// A loader a line: key, of what, the argument, what comes, and how it is read for all objects of one argument.
macro_rules! lists {
    ($(
        $(#[$doc:meta])*
        $key:ident($id:ty, $what:ty) => $value:ty: |$fetch:ident, $ids:ident, $given:ident| $read:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub $id, pub $what);

        impl Loader<$key> for Fetch {
            type Value = $value;
            type Error = Failure;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Failure> {
                let $fetch = self;
                let mut found = HashMap::new();
                for ($given, $ids) in alike(keys.iter().map(|key| (&key.1, key.0))) {
                    let read = $read.await?;
                    found.extend(read.into_iter().map(|(id, value)| ($key(id, $given.clone()), value)));
                }
                Ok(found)
            }
        }
    )*};
}

lists! {
    /// A page of the answers of a host.
    AnswersOf(HostId, PageRequest) => Page<HostAnswer>:
        |of, hosts, page| of.fleet.answers_of_hosts(&of.actor, &hosts, page);
    /// A page of the reports of a host.
    HostReports(HostId, PageRequest) => Page<Report>:
        |of, hosts, page| of.fleet.reports_of_hosts(&of.actor, &hosts, page);
    /// A page of the reports of a saved query.
    QueryReports(SavedQueryId, PageRequest) => Page<Report>:
        |of, queries, page| of.fleet.reports_of_queries(&of.actor, &queries, page);
    /// A page of the queries on the schedule of a host, of these states where they are given.
    ScheduleOf(ConfiguredHost, (Option<Vec<ReportState>>, PageRequest)) => Page<ScheduledQuery>:
        |of, hosts, wanted| of.fleet.queries_on_hosts(&of.actor, &hosts, wanted.0.as_deref(), &wanted.1);
    /// So many queries that fare worst on a host.
    HealthOfHost(HostId, u64) => Vec<QueryHealth>:
        |of, hosts, first| of.fleet.query_health_of_hosts(&of.actor, &hosts, *first);
    /// A page of the runs of a saved query.
    RunsOf(SavedQueryId, PageRequest) => Page<Campaign>:
        |of, queries, page| of.fleet.campaigns_of_queries(&of.actor, &queries, page);
    /// A page of the failures of a label.
    FailuresOf(LabelId, PageRequest) => Page<LabelFailure>:
        |of, labels, page| of.fleet.failures_of_labels(&of.actor, &labels, page);
    /// A page of how a host came to stand to a policy.
    TurnsOf((HostId, PolicyId), PageRequest) => Page<PolicyTurn>:
        |of, pairs, page| of.fleet.policy_history(&of.actor, &pairs, page);
    /// A page of how hosts stand to a policy; perhaps only of those that stand so.
    ResultsOf(PolicyId, (Option<PolicyState>, PageRequest)) => Page<PolicyResult>:
        |of, policies, wanted| of.fleet.results_of_policies(&of.actor, &policies, wanted.0, &wanted.1);
    /// A page of the saved queries of a team.
    TeamQueries(TeamId, PageRequest) => Page<SavedQuery>:
        |of, teams, page| of.fleet.saved_queries_of_teams(&of.actor, &teams, page);
    /// A page of the saved queries of a pack.
    PackQueries(PackId, PageRequest) => Page<SavedQuery>:
        |of, packs, page| of.fleet.saved_queries_of_packs(&of.actor, &packs, page);
    /// A page of the hosts of a team that match.
    HostsOf(TeamId, (HostFilter, HostSort, PageRequest)) => Page<Host>:
        |of, teams, wanted| of.fleet.hosts_of_teams(&of.actor, &teams, (&wanted.0, wanted.1), &wanted.2);
    /// How many hosts of a team match.
    HostCountIn(TeamId, HostFilter) => u64:
        |of, teams, filter| of.fleet.count_hosts_of_teams(&of.actor, &teams, filter);
    /// A page of the targets of a campaign that match.
    TargetsOf(CampaignId, (TargetFilter, PageRequest)) => Page<Target>:
        |of, campaigns, wanted| of.fleet.targets_of_campaigns(&of.actor, &campaigns, &wanted.0, &wanted.1);
    /// How many targets of a campaign match.
    TargetCount(CampaignId, TargetFilter) => u64:
        |of, campaigns, filter| of.fleet.count_targets(&of.actor, &campaigns, filter);
}

/// A number of something of many objects, a loader a line: key, whose, and the verb that counts for all. Of what the verb
/// leaves out there is none.
macro_rules! numbers {
    ($($(#[$doc:meta])* $key:ident($id:ty): $verb:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub $id);

        impl Loader<$key> for Fetch {
            type Value = u64;
            type Error = Failure;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, u64>, Failure> {
                let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                let counts = self.fleet.$verb(&self.actor, &ids).await?;
                Ok(keys.iter().map(|key| (*key, counts.get(&key.0).copied().unwrap_or_default())).collect())
            }
        }
    )*};
}

numbers! {
    /// How many runs a saved query has.
    RunCount(SavedQueryId): count_campaigns_of_queries;
    /// How many saved queries a team has.
    TeamQueryCount(TeamId): count_saved_queries_of_teams;
    /// How many saved queries a pack has.
    PackQueryCount(PackId): count_saved_queries_of_packs;
    /// How many outstanding targets of a campaign are online.
    OnlineOutstanding(CampaignId): online_outstanding;
}

/// Something that a batch needs whole, and that is told apart by its id.
#[derive(Clone, Debug)]
pub struct Known<T>(i64, Arc<T>);

impl<T> PartialEq for Known<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Known<T> {}

impl<T> Hash for Known<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Known<Campaign> {
    /// A campaign.
    #[must_use]
    pub fn campaign(campaign: &Campaign) -> Self {
        Self(campaign.id.0, Arc::new(campaign.clone()))
    }
}

impl Known<SavedQuery> {
    /// A saved query.
    #[must_use]
    pub fn query(query: &SavedQuery) -> Self {
        Self(query.id.0, Arc::new(query.clone()))
    }
}

/// The inside id of a host that answered a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostInCampaign(pub CampaignId, pub PublicId);

impl Loader<HostInCampaign> for Fetch {
    type Value = HostId;
    type Error = Failure;

    async fn load(&self, keys: &[HostInCampaign]) -> Result<HashMap<HostInCampaign, HostId>, Failure> {
        let asked: Vec<_> = keys.iter().map(|HostInCampaign(id, host)| (*id, host.clone())).collect();
        let found = self.fleet.hosts_in_campaigns(&self.actor, &asked).await?;
        Ok(found.into_iter().map(|((id, host), inside)| (HostInCampaign(id, host), inside)).collect())
    }
}

/// A page of the events of a campaign, or what is wrong with its cursor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventsOf {
    /// The campaign.
    pub campaign: Known<campaigns::Campaign>,
    /// Only of this host.
    pub host: Option<HostId>,
    /// Only what follows this cursor.
    pub after: Option<String>,
    /// Events at most.
    pub limit: u64,
}

impl Loader<EventsOf> for Fetch {
    type Value = Result<EventPage, Failure>;
    type Error = Failure;

    async fn load(&self, keys: &[EventsOf]) -> Result<HashMap<EventsOf, Self::Value>, Failure> {
        let wanted = keys.iter().map(|key| EventsWanted {
            campaign: &key.campaign.1,
            host: key.host,
            after: key.after.as_deref(),
            limit: key.limit,
        });
        let wanted: Vec<_> = wanted.collect();
        let pages = self.fleet.campaign_events(&self.actor, &wanted).await?;
        Ok(keys.iter().cloned().zip(pages.into_iter().map(|page| page.map_err(Failure::from))).collect())
    }
}

/// So many hosts where a saved query fares worst.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthOf(pub Known<SavedQuery>, pub u64);

impl Loader<HealthOf> for Fetch {
    type Value = Vec<QueryHealth>;
    type Error = Failure;

    async fn load(&self, keys: &[HealthOf]) -> Result<HashMap<HealthOf, Self::Value>, Failure> {
        let mut found = HashMap::new();
        for (first, keys) in alike(keys.iter().map(|key| (key.1, key))) {
            let queries: Vec<&SavedQuery> = keys.iter().map(|key| &*key.0.1).collect();
            let mut worst = self.fleet.query_health(&self.actor, &queries, first).await?;
            for key in keys {
                found.insert(key.clone(), worst.remove(&key.0.1.id).unwrap_or_default());
            }
        }
        Ok(found)
    }
}

/// A page of the hosts on whose schedule a saved query is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostsRunning {
    /// The query.
    pub query: Known<SavedQuery>,
    /// Any of these states.
    pub states: Option<Vec<ReportState>>,
    /// Which page.
    pub page: PageRequest,
}

impl Loader<HostsRunning> for Fetch {
    type Value = Page<ScheduledQuery>;
    type Error = Failure;

    async fn load(&self, keys: &[HostsRunning]) -> Result<HashMap<HostsRunning, Self::Value>, Failure> {
        let mut found = HashMap::new();
        for ((states, page), keys) in alike(keys.iter().map(|key| ((&key.states, &key.page), key))) {
            let queries: Vec<&SavedQuery> = keys.iter().map(|key| &*key.query.1).collect();
            let mut pages =
                self.fleet.hosts_of_queries(&self.actor, &queries, states.as_deref(), page).await?;
            for key in keys {
                found.insert(key.clone(), pages.remove(&key.query.1.id).unwrap_or_else(Page::empty));
            }
        }
        Ok(found)
    }
}

/// Ids by what is asked of them: nearly always the same of all.
fn alike<A: Eq + Hash, K>(asked: impl Iterator<Item = (A, K)>) -> HashMap<A, Vec<K>> {
    let mut groups = HashMap::<A, Vec<K>>::new();
    for (what, id) in asked {
        groups.entry(what).or_default().push(id);
    }
    groups
}
