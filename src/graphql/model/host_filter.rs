//! Which hosts, and in which order.

use async_graphql::{Enum, InputObject, OneofObject};

use super::host::{Host, HostStatus, Platform};
use super::label::Label;
use super::policy::{Policy, PolicyState};
use super::team::Team;
use crate::fleet::hosts;
use crate::graphql::id::{Id, publics};
use crate::graphql::scalars::Text;

/// Sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SortDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// Fields hosts can be sorted by; the id is always the tie-breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::HostSortField")]
pub enum HostSortField {
    /// Host name.
    Hostname,
    /// Last contact.
    LastSeenAt,
    /// First enrolled.
    EnrolledAt,
    /// What is free of the main file system; unknown is smallest.
    DiskFreeBytes,
    /// When the machine was started; unknown is smallest.
    BootedAt,
}

/// Sort order of hosts.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct HostSort {
    /// Field to sort by.
    #[graphql(default_with = "HostSortField::LastSeenAt")]
    field: HostSortField,
    /// Direction to sort in.
    #[graphql(default_with = "SortDirection::Desc")]
    direction: SortDirection,
}

impl HostSort {
    /// The order asked for; last seen first when the argument is left out.
    #[must_use]
    pub fn wanted(argument: Option<Self>) -> hosts::HostSort {
        let (field, direction) = argument
            .map_or((HostSortField::LastSeenAt, SortDirection::Desc), |sort| (sort.field, sort.direction));
        hosts::HostSort { field: field.into(), descending: direction == SortDirection::Desc }
    }
}

/// Conditions that a host must all meet; each list means any of.
#[derive(InputObject)]
pub struct HostFilter {
    /// Teams.
    team_ids: Option<Vec<Id<Team>>>,
    /// Labels.
    label_ids: Option<Vec<Id<Label>>>,
    /// How they stand to policies.
    policies: Option<Vec<HostPolicyFilter>>,
    /// Platforms.
    platforms: Option<Vec<Platform>>,
    /// States.
    statuses: Option<Vec<HostStatus>>,
    /// Whether something is odd about its enrollment: `cloneSuspectedAt` or `foreignSecretAt` is set, or neither.
    flagged: Option<bool>,
    /// Whether it runs the configuration that is served to it, as `configInSync` says. Hosts of which that is null meet
    /// neither.
    config_in_sync: Option<bool>,
    /// Hardware UUID.
    uuid: Option<Text>,
    /// Hardware serial.
    serial_number: Option<Text>,
    /// Prefix of host name, identifier, serial, UUID, an address, or a user who has an account.
    search: Option<Text>,
}

impl From<HostFilter> for hosts::HostFilter {
    fn from(filter: HostFilter) -> Self {
        let HostFilter {
            team_ids,
            label_ids,
            policies,
            platforms,
            statuses,
            flagged,
            config_in_sync,
            uuid,
            serial_number,
            search,
        } = filter;
        Self {
            team_ids: team_ids.map(publics),
            label_ids: label_ids.map(publics),
            policies: policies.map(each_into),
            platforms: platforms.map(each_into),
            statuses: statuses.map(each_into),
            flagged,
            config_in_sync,
            uuid: uuid.map(|text| text.0),
            serial_number: serial_number.map(|text| text.0),
            search: search.map(|text| text.0),
        }
    }
}

/// How a host stands to a policy.
#[derive(InputObject)]
pub struct HostPolicyFilter {
    /// The policy.
    policy_id: Id<Policy>,
    /// How it stands to it.
    #[graphql(default_with = "PolicyState::Fail")]
    state: PolicyState,
}

impl From<HostPolicyFilter> for hosts::HostPolicyFilter {
    fn from(filter: HostPolicyFilter) -> Self {
        Self { policy_id: filter.policy_id.into_public(), state: filter.state.into() }
    }
}

/// A list of the API's words in the core's, or the other way.
pub fn each_into<A: Into<B>, B>(words: Vec<A>) -> Vec<B> {
    words.into_iter().map(Into::into).collect()
}

/// Exactly one way to name a host.
#[derive(OneofObject)]
pub enum HostLookup {
    /// Global id.
    Id(Id<Host>),
    /// osquery host identifier.
    HostIdentifier(Text),
}
