//! How hosts stand to policies: by host, and by policy.

use std::collections::HashMap;

use entity::id::{HostId, LabelId, PolicyId};
use entity::policy_results::Model;

use super::{Known, Policy, PolicyState};
use crate::clock::Timestamp;
use crate::fleet::hosts::{HostFilter, HostPolicyFilter, Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::hosts::HostSelection;
use crate::store::{hosts, labels, policies, policy_results};

/// How a host stands to a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyResult {
    /// The policy.
    pub policy: PolicyId,
    /// The host.
    pub host: HostId,
    /// What it answered last.
    pub state: PolicyState,
    /// Since when; none while it has not answered.
    pub since: Option<Timestamp>,
    /// When it answered last; none while it has not.
    pub checked_at: Option<Timestamp>,
    /// Why the query could not be run.
    pub error: Option<String>,
}

impl From<Model> for PolicyResult {
    fn from(row: Model) -> Self {
        let Model { host_id, policy_id, team_id: _, state, since, checked_at, error } = row;
        Self {
            policy: policy_id,
            host: host_id,
            state,
            since: Some(since),
            checked_at: Some(checked_at),
            error,
        }
    }
}

impl PolicyResult {
    fn unanswered(policy: PolicyId, host: HostId) -> Self {
        Self { policy, host, state: PolicyState::Unanswered, since: None, checked_at: None, error: None }
    }

    /// Where it stands in the list of a host: what wants attention comes first.
    fn rank(&self, critical: bool) -> i64 {
        let state = match self.state {
            PolicyState::Fail => 0,
            PolicyState::Error => 2,
            PolicyState::Unanswered => 4,
            PolicyState::Pass => 6,
        };
        state + i64::from(!critical)
    }
}

/// A policy that is about a host, how that stands to it, and where this stands in the host's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The policy.
    pub policy: Policy,
    /// How the host stands to it.
    pub result: PolicyResult,
    /// Smallest first, then by the id of the policy.
    pub rank: i64,
}

impl Fleet {
    /// The visible policies that are about each visible host, and how it stands to them: failing ones first, critical ones
    /// before others, all of them.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn policies_of_hosts(
        &self,
        actor: &Actor,
        ids: &[HostId],
    ) -> Result<HashMap<HostId, Vec<Standing>>, FleetError> {
        let seen = allow(actor, Action::ReadHosts, None)?;
        let policy_scope = allow(actor, Action::ReadPolicies, None)?;
        let db = self.store.reader();
        let all = policies::all(db, &policy_scope).await?;
        let narrowed = policies::labels_of(db, &policy_scope, None).await?;
        let known = Known::all(all, &narrowed);
        let rows = hosts::find(db, &seen, HostSelection::Ids(ids)).await?;
        let mut has: HashMap<HostId, Vec<LabelId>> = HashMap::new();
        if !narrowed.is_empty() {
            for (host, label) in labels::of_hosts(db, &seen, ids).await? {
                has.entry(host).or_default().push(label);
            }
        }
        let results = policy_results::of_hosts(db, &seen, ids, None).await?;
        let mut results: HashMap<(HostId, PolicyId), Model> =
            results.into_iter().map(|row| ((row.host_id, row.policy_id), row)).collect();
        let mut of_hosts = HashMap::new();
        for host in rows {
            let labels = has.remove(&host.id).unwrap_or_default();
            let about = known.iter().filter(|known| known.is_about(host.team_id, host.platform, &labels));
            let mut standing: Vec<Standing> = about
                .map(|Known { policy, .. }| {
                    let result = results.remove(&(host.id, policy.id)).map(PolicyResult::from);
                    let result = result.unwrap_or_else(|| PolicyResult::unanswered(policy.id, host.id));
                    Standing { rank: result.rank(policy.critical), policy: policy.clone(), result }
                })
                .collect();
            standing.sort_by_key(|standing| (standing.rank, standing.policy.id));
            of_hosts.insert(host.id, standing);
        }
        Ok(of_hosts)
    }

    /// How many policies each visible host fails.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_failing_policies(
        &self,
        actor: &Actor,
        ids: &[HostId],
    ) -> Result<HashMap<HostId, u64>, FleetError> {
        let seen = allow(actor, Action::ReadHosts, None)?;
        Ok(policy_results::count_failing(self.store.reader(), &seen, ids).await?)
    }

    /// A page of how visible hosts stand to each visible policy, by host: those in one state, or all that have answered.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn results_of_policies(
        &self,
        actor: &Actor,
        ids: &[PolicyId],
        state: Option<PolicyState>,
        page: &PageRequest,
    ) -> Result<HashMap<PolicyId, Page<PolicyResult>>, FleetError> {
        let seen = allow(actor, Action::ReadHosts, None)?;
        let known = self.policies_by_ids(actor, ids).await?;
        let ids: Vec<PolicyId> = ids.iter().copied().filter(|id| known.contains_key(id)).collect();
        let db = self.store.reader();
        if state == Some(PolicyState::Unanswered) {
            let mut pages = HashMap::new();
            for policy in known.into_values() {
                let state = PolicyState::Unanswered;
                let policies = Some(vec![HostPolicyFilter { policy_id: policy.public_id, state }]);
                let filter = HostFilter { policies, ..HostFilter::default() };
                let filter = self.resolve_host_filter(db, &seen, &filter).await?;
                let hosts = hosts::page_by_id(db, &seen, &filter, page).await?;
                pages.insert(policy.id, hosts.map(|host| PolicyResult::unanswered(policy.id, host.id)));
            }
            return Ok(pages);
        }
        let pages = policy_results::pages_of_policies(db, &seen, &ids, state, page).await?;
        Ok(pages.into_iter().map(|(id, page)| (id, page.map(PolicyResult::from))).collect())
    }

    /// How visible hosts stand to a policy, of those named that have answered it.
    ///
    /// # Errors
    /// Unavailable.
    pub(super) async fn results_among(
        &self,
        scope: &crate::policy::Scope,
        policy: PolicyId,
        hosts: &[HostId],
    ) -> Result<Vec<PolicyResult>, FleetError> {
        let found = policy_results::of_hosts(self.store.reader(), scope, hosts, Some(&[policy])).await?;
        let mut results: Vec<PolicyResult> = found.into_iter().map(PolicyResult::from).collect();
        results.sort_by_key(|result| result.host);
        Ok(results)
    }
}
