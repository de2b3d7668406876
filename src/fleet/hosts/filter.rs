//! Choosing hosts by conditions.

use entity::id::{LabelId, PublicId, TeamId};
use sea_orm::ConnectionTrait;

use super::{HostStatus, Platform};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::hosts::ResolvedHostFilter;
use crate::store::{labels, teams};

/// Conditions that a host must all meet; in each list, any of; an absent list is no condition, an empty one meets
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HostFilter {
    /// Teams, by outside id.
    pub team_ids: Option<Vec<PublicId>>,
    /// Labels, by outside id.
    pub label_ids: Option<Vec<PublicId>>,
    /// Platforms.
    pub platforms: Option<Vec<Platform>>,
    /// States.
    pub statuses: Option<Vec<HostStatus>>,
    /// Whether it was taken for a clone, or a secret of another team was used for it.
    #[serde(default)]
    pub flagged: Option<bool>,
    /// Hardware UUID, in any case.
    pub uuid: Option<String>,
    /// Hardware serial, in any case.
    pub serial_number: Option<String>,
    /// Prefix of host name, identifier, serial or UUID, in any case.
    pub search: Option<String>,
}

impl Fleet {
    /// The filter by inside ids and at this moment; teams and labels out of scope meet nothing.
    ///
    /// # Errors
    /// Unavailable.
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
        Ok(ResolvedHostFilter {
            teams,
            labels,
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
