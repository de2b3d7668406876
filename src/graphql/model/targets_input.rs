//! Which hosts a campaign asks, as a client says it.

use async_graphql::{InputObject, OneofObject, SimpleObject};

use super::campaign::Campaign;
use super::campaign_target::CampaignTargetState;
use super::host::Host;
use super::host_filter::{HostFilter, each_into};
use super::saved_query::SavedQuery;
use crate::fleet::campaigns::{self, Source, Targets};
use crate::fleet::{FleetError, RejectionCode};
use crate::graphql::id::{Id, publics};
use crate::graphql::scalars::{Text, int};

/// Exactly one way to choose hosts, always within what the caller may run on.
#[derive(OneofObject)]
pub enum TargetsInput {
    /// Every host; must be true.
    AllHosts(bool),
    /// These hosts, at most 1,000; one that is not visible refuses all.
    HostIds(Vec<Id<Host>>),
    /// All conditions met.
    Filter(HostFilter),
    /// Hosts of an earlier campaign, to ask again.
    Campaign(CampaignTargetsInput),
}

/// Hosts of an earlier campaign by their state in it.
#[derive(InputObject)]
pub struct CampaignTargetsInput {
    /// The campaign.
    campaign_id: Id<Campaign>,
    /// States to ask again.
    #[graphql(default_with = "vec![CampaignTargetState::Pending, CampaignTargetState::Failed]")]
    states: Vec<CampaignTargetState>,
}

/// Exactly one source of SQL.
#[derive(OneofObject)]
pub enum LiveQuerySource {
    /// A saved query.
    SavedQueryId(Id<SavedQuery>),
    /// SQL typed now; needs `OBSERVER_PLUS`.
    Sql(Text),
}

impl From<LiveQuerySource> for Source {
    fn from(input: LiveQuerySource) -> Self {
        match input {
            LiveQuerySource::SavedQueryId(id) => Self::SavedQuery(id.into_public()),
            LiveQuerySource::Sql(sql) => Self::Sql(sql.0),
        }
    }
}

impl TryFrom<TargetsInput> for Targets {
    type Error = FleetError;

    fn try_from(input: TargetsInput) -> Result<Self, FleetError> {
        Ok(match input {
            TargetsInput::AllHosts(true) => Self::AllHosts,
            TargetsInput::AllHosts(false) => {
                let message = "`allHosts` must be true; leave it out to choose otherwise";
                return Err(FleetError::rejected(RejectionCode::Invalid, "targets.allHosts", message));
            }
            TargetsInput::HostIds(ids) => Self::Hosts(publics(ids)),
            TargetsInput::Filter(filter) => Self::Filter(filter.into()),
            TargetsInput::Campaign(CampaignTargetsInput { campaign_id, states }) => {
                Self::Campaign { id: campaign_id.into_public(), states: each_into(states) }
            }
        })
    }
}

/// Size of a target selection.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct TargetPreview {
    /// Hosts selected.
    targeted: i32,
    /// Of them, online.
    online: i32,
    /// Hosts that match, that the caller sees, and may not run on: they are left out.
    excluded: i32,
    /// More are selected than `settings.targetCap`: only an admin of each of their teams may start it.
    exceeds_cap: bool,
}

impl From<campaigns::TargetPreview> for TargetPreview {
    fn from(preview: campaigns::TargetPreview) -> Self {
        Self {
            targeted: int(preview.targeted),
            online: int(preview.online),
            excluded: int(preview.excluded),
            exceeds_cap: preview.exceeds_cap,
        }
    }
}
