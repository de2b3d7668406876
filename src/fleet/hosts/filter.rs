//! Choosing hosts by conditions.

use entity::id::{LabelId, PolicyId, PublicId, TeamId};
use entity::kind::PolicyState;
use sea_orm::ConnectionTrait;

use super::{HostStatus, Platform};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::hosts::ResolvedHostFilter;
use crate::store::{labels, policies, teams};

/// Conditions that a host must all meet; in each list, any of; an absent list is no condition, an empty one meets
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct HostFilter {
    /// Teams, by outside id.
    pub team_ids: Option<Vec<PublicId>>,
    /// Labels, by outside id.
    pub label_ids: Option<Vec<PublicId>>,
    /// How they stand to policies.
    #[serde(default)]
    pub policies: Option<Vec<HostPolicyFilter>>,
    /// Platforms.
    pub platforms: Option<Vec<Platform>>,
    /// States.
    pub statuses: Option<Vec<HostStatus>>,
    /// Whether it was taken for a clone, or a secret of another team was used for it.
    #[serde(default)]
    pub flagged: Option<bool>,
    /// Whether it runs the configuration that is served to it, as it last told.
    #[serde(default)]
    pub config_in_sync: Option<bool>,
    /// Hardware UUID, in any case.
    pub uuid: Option<String>,
    /// Hardware serial, in any case.
    pub serial_number: Option<String>,
    /// Prefix of host name, identifier, serial, UUID, an address or a user, in any case.
    pub search: Option<String>,
}

/// How a host stands to a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct HostPolicyFilter {
    /// The policy, by outside id.
    pub policy_id: PublicId,
    /// How it stands to it.
    pub state: PolicyState,
}

impl Fleet {
    /// The filter by inside ids and at this moment; teams and labels out of scope meet nothing.
    ///
    /// # Errors
    /// Rejected (`configInSync`); unavailable.
    pub(crate) async fn resolve_host_filter<C: ConnectionTrait>(
        &self,
        db: &C,
        scope: &Scope,
        filter: &HostFilter,
    ) -> Result<ResolvedHostFilter, FleetError> {
        let teams = match &filter.team_ids {
            Some(ids) => Some(team_ids(db, scope, ids).await?),
            None => None,
        };
        let labels = match &filter.label_ids {
            Some(ids) => Some(label_ids(db, scope, ids).await?),
            None => None,
        };
        let in_sync = match filter.config_in_sync {
            Some(wanted) => Some(self.resolve_in_sync(db, scope, (wanted, teams.as_deref())).await?),
            None => None,
        };
        let policies = match &filter.policies {
            Some(standing) => Some(resolved(db, scope, standing).await?),
            None => None,
        };
        Ok(ResolvedHostFilter {
            in_sync,
            teams,
            labels,
            policies,
            platforms: filter.platforms.clone(),
            statuses: filter.statuses.clone().map(|statuses| (statuses, self.freshness())),
            flagged: filter.flagged,
            uuid: filter.uuid.clone(),
            serial_number: filter.serial_number.clone(),
            search: filter.search.clone(),
        })
    }
}

async fn team_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<TeamId>, FleetError> {
    let found = teams::by_public_ids(db, scope, ids).await?;
    Ok(found.into_iter().map(|team| team.id).collect())
}

async fn label_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<LabelId>, FleetError> {
    let found = labels::by_public_ids(db, scope, ids).await?;
    Ok(found.into_iter().map(|label| label.id).collect())
}

/// Policies by inside id; those out of scope meet nothing.
async fn resolved<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    standing: &[HostPolicyFilter],
) -> Result<Vec<(PolicyId, PolicyState)>, FleetError> {
    let ids: Vec<PublicId> = standing.iter().map(|filter| filter.policy_id.clone()).collect();
    let found = policies::by_public_ids(db, scope, &ids).await?;
    let id = |filter: &HostPolicyFilter| {
        let policy = found.iter().find(|policy| policy.public_id == filter.policy_id)?;
        Some((policy.id, filter.state))
    };
    Ok(standing.iter().filter_map(id).collect())
}
