//! Objects at the other end of an edge, and what is one of each.

use std::collections::{BTreeMap, HashMap};

use async_graphql::dataloader::Loader;
use entity::id::{
    CampaignId, HostId, LabelId, PackId, PolicyId, PublicId, ReportId, SavedQueryId, TeamId, UserId,
};

use super::Fetch;
use crate::clock::Timestamp;
use crate::fleet::osquery_config::{ConfiguredHost, Running};
use crate::fleet::{self, FleetError};
use crate::graphql::error::Failure;
use crate::graphql::model::campaign::Campaign;
use crate::graphql::model::host::Host;
use crate::graphql::model::label::Label;
use crate::graphql::model::node::{Node, NodeKind};
use crate::graphql::model::pack::Pack;
use crate::graphql::model::policy::Policy;
use crate::graphql::model::report::Report;
use crate::graphql::model::saved_query::SavedQuery;
use crate::graphql::model::team::Team;
use crate::graphql::model::user::User;
use crate::policy::Denied;

/// Any object, by its outside id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub PublicId);

/// The labels of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LabelsOf(pub HostId);

/// The rows that a host told of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VitalsOf(pub HostId);

/// Since when osquery refuses to run the query of this name on a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DenylistedSince(pub HostId, pub String);

/// How many hosts have a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostCountOf(pub LabelId);

/// On how many hosts the SQL of a label fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailureCountOf(pub LabelId);

/// How a host stands to the policies that are about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoliciesOf(pub HostId);

/// How many policies a host fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailingOf(pub HostId);

/// How many hosts stand how to a policy, by team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountsOf(pub PolicyId);

/// The labels that narrow a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeOf(pub PolicyId);

/// The counters of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TotalsOf(pub CampaignId);

/// What a host is configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConfigOf(pub ConfiguredHost);

/// The queries on its schedule that a host never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnansweredBy(pub ConfiguredHost);

/// One loader a line: key, value, and the verb that reads many. A key in brackets carries the id the verb wants.
macro_rules! loaders {
    ($($id:ident => $value:ident: $verb:ident;)* $([$key:ident] => $of:ty: $of_verb:ident;)*) => {
        $(impl Loader<$id> for Fetch {
            type Value = $value;
            type Error = Failure;

            async fn load(&self, keys: &[$id]) -> Result<HashMap<$id, $value>, Failure> {
                let found = self.fleet.$verb(&self.actor, keys).await?;
                Ok(found.into_iter().map(|(id, item)| (id, $value(item))).collect())
            }
        })*
        $(impl Loader<$key> for Fetch {
            type Value = $of;
            type Error = Failure;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, $of>, Failure> {
                let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
                let found = self.fleet.$of_verb(&self.actor, &ids).await?;
                Ok(found.into_iter().map(|(id, item)| ($key(id), item)).collect())
            }
        })*
    };
}

loaders! {
    HostId => Host: hosts_by_ids;
    TeamId => Team: teams_by_ids;
    UserId => User: users_by_ids;
    SavedQueryId => SavedQuery: saved_queries_by_ids;
    PackId => Pack: packs_by_ids;
    PolicyId => Policy: policies_by_ids;
    ReportId => Report: reports_by_ids;
    LabelId => Label: labels_by_ids;
    CampaignId => Campaign: campaigns_by_ids;
    [LabelsOf] => Vec<fleet::labels::Label>: labels_of_hosts;
    [VitalsOf] => Vec<fleet::vitals::VitalTable>: vitals_of_hosts;
    [HostCountOf] => u64: count_hosts_by_label;
    [PoliciesOf] => Vec<fleet::policies::Standing>: policies_of_hosts;
    [FailingOf] => u64: count_failing_policies;
    [CountsOf] => BTreeMap<TeamId, fleet::policies::PolicyCounts>: policy_counts;
    [ScopeOf] => fleet::schedule::LabelScope: labels_of_policies;
    [FailureCountOf] => u64: count_label_failures;
    [TotalsOf] => fleet::campaigns::Totals: campaign_totals;
    [ConfigOf] => fleet::osquery_config::Effective: effective_configs;
    [UnansweredBy] => Vec<fleet::saved_queries::SavedQuery>: unanswered_queries;
}

impl Loader<NodeId> for Fetch {
    type Value = Node;
    type Error = Failure;

    async fn load(&self, keys: &[NodeId]) -> Result<HashMap<NodeId, Node>, Failure> {
        let mut kinds = BTreeMap::<NodeKind, Vec<PublicId>>::new();
        for NodeId(id) in keys {
            kinds.entry(NodeKind::of(id)).or_default().push(id.clone());
        }
        let mut found = HashMap::new();
        for (kind, ids) in kinds {
            found.extend(self.nodes(kind, &ids).await?.into_iter().map(|(id, node)| (NodeId(id), node)));
        }
        Ok(found)
    }
}

impl Loader<DenylistedSince> for Fetch {
    type Value = Timestamp;
    type Error = Failure;

    async fn load(&self, keys: &[DenylistedSince]) -> Result<HashMap<DenylistedSince, Timestamp>, Failure> {
        let asked: Vec<_> = keys.iter().map(|key| (key.0, key.1.clone())).collect();
        let found = self.fleet.denylisted_since(&self.actor, &asked).await?;
        Ok(found.into_iter().map(|((host, name), since)| (DenylistedSince(host, name), since)).collect())
    }
}

impl Loader<Running> for Fetch {
    type Value = bool;
    type Error = Failure;

    async fn load(&self, keys: &[Running]) -> Result<HashMap<Running, bool>, Failure> {
        Ok(self.fleet.configs_in_sync(keys).await?)
    }
}

impl Fetch {
    /// The visible objects of one kind. What the actor's roles hide is absent, as if it did not exist.
    async fn nodes(&self, kind: NodeKind, ids: &[PublicId]) -> Result<HashMap<PublicId, Node>, Failure> {
        match kind.fetch(&self.fleet, &self.actor, ids).await {
            Err(FleetError::Denied(Denied::Forbidden)) => Ok(HashMap::new()),
            found => Ok(found?),
        }
    }
}
