//! Who may do what: the only file that decides.
//!
//! [`allow`] answers with a [`Scope`], the proof of permission and the row filter in one value. A store read
//! demands a `&Scope`, so a read that nobody allowed does not compile. What is out of scope is *not found*.

use std::collections::BTreeSet;

use entity::id::TeamId;
pub use entity::kind::{Role, TokenScope};

mod actor;
mod scope;

pub use actor::{Actor, Credential, Roles, TokenActor, UserActor};
pub use scope::{Scope, Teams};

/// The role of the first user: it may everything, everywhere.
pub const FIRST_ROLE: Role = Role::Admin;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// See hosts, their labels and teams.
    ReadHosts,
    /// Transfer and delete hosts.
    ManageHosts,
    /// Ask hosts anew what they are.
    RefetchHosts,
    /// See teams.
    ReadTeams,
    /// Make, change and delete teams.
    ManageTeams,
    /// See, make and revoke enroll secrets.
    ManageEnrollSecrets,
    /// See users.
    ReadUsers,
    /// Make, change and disable users and give roles.
    ManageUsers,
    /// See saved queries, their schedules, and packs.
    ReadSavedQueries,
    /// Make, change and delete saved queries, their schedules, and packs.
    ManageSavedQueries,
    /// Make, change and delete labels.
    ManageLabels,
    /// See policies.
    ReadPolicies,
    /// Make, change and delete policies.
    ManagePolicies,
    /// See what hosts are configured with.
    ReadConfiguration,
    /// Change what hosts are configured with.
    ManageConfiguration,
    /// See campaigns, their answers and events.
    ReadCampaigns,
    /// Run saved queries that are marked observer-can-run.
    RunObserverQueries,
    /// Run any SQL live.
    RunAnySql,
    /// Run SQL that names tables or functions which the settings restrict to maintainers.
    RunRestrictedSql,
    /// Run on more hosts than the settings let everybody run on.
    RunOnMany,
    /// Stop campaigns that somebody else started.
    StopAnyCampaign,
    /// See the settings of the fleet.
    ReadSettings,
    /// Change the settings of the fleet, the switch that stops all dispatch included.
    ManageSettings,
    /// See the audit trail.
    ReadActivities,
    /// See log destinations, credentials masked, and how they are doing.
    ReadDestinations,
    /// Make, change, pause, replay, test and delete log destinations.
    ManageDestinations,
}

impl Action {
    /// Every action, in the order of the declaration.
    pub const ALL: &[Self] = &[
        Self::ReadHosts,
        Self::ManageHosts,
        Self::RefetchHosts,
        Self::ReadTeams,
        Self::ManageTeams,
        Self::ManageEnrollSecrets,
        Self::ReadUsers,
        Self::ManageUsers,
        Self::ReadSavedQueries,
        Self::ManageSavedQueries,
        Self::ManageLabels,
        Self::ReadPolicies,
        Self::ManagePolicies,
        Self::ReadConfiguration,
        Self::ManageConfiguration,
        Self::ReadCampaigns,
        Self::RunObserverQueries,
        Self::RunAnySql,
        Self::RunRestrictedSql,
        Self::RunOnMany,
        Self::StopAnyCampaign,
        Self::ReadSettings,
        Self::ManageSettings,
        Self::ReadActivities,
        Self::ReadDestinations,
        Self::ManageDestinations,
    ];

    /// The roles that may do it, weakest first. This table is the policy.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        use Role::{Admin, Gitops, Maintainer, Observer, ObserverPlus};
        match self {
            Self::ReadHosts | Self::ReadCampaigns | Self::RunObserverQueries => {
                &[Observer, ObserverPlus, Maintainer, Admin]
            }
            Self::ReadTeams
            | Self::ReadSavedQueries
            | Self::ReadPolicies
            | Self::ReadConfiguration
            | Self::ReadSettings => &[Observer, ObserverPlus, Maintainer, Admin, Gitops],
            Self::RefetchHosts | Self::RunAnySql => &[ObserverPlus, Maintainer, Admin],
            Self::ManageSavedQueries
            | Self::ManageLabels
            | Self::ManagePolicies
            | Self::ManageConfiguration => &[Maintainer, Admin, Gitops],
            Self::ManageHosts | Self::RunRestrictedSql | Self::StopAnyCampaign => &[Maintainer, Admin],
            Self::ManageTeams
            | Self::ManageEnrollSecrets
            | Self::ReadUsers
            | Self::ManageUsers
            | Self::RunOnMany
            | Self::ManageSettings
            | Self::ReadActivities
            | Self::ReadDestinations
            | Self::ManageDestinations => &[Admin],
        }
    }
}

impl Action {
    /// The least scope that an API token needs for it.
    #[must_use]
    pub fn token_scope(self) -> TokenScope {
        match self {
            Self::ReadHosts
            | Self::ReadTeams
            | Self::ReadUsers
            | Self::ReadSavedQueries
            | Self::ReadPolicies
            | Self::ReadConfiguration
            | Self::ReadCampaigns
            | Self::ReadSettings
            | Self::ReadActivities
            | Self::ReadDestinations => TokenScope::Read,
            Self::RefetchHosts
            | Self::RunObserverQueries
            | Self::RunAnySql
            | Self::RunRestrictedSql
            | Self::RunOnMany => TokenScope::Run,
            Self::ManageHosts
            | Self::ManageSavedQueries
            | Self::ManageLabels
            | Self::ManagePolicies
            | Self::ManageConfiguration
            | Self::StopAnyCampaign => TokenScope::Manage,
            Self::ManageTeams
            | Self::ManageEnrollSecrets
            | Self::ManageUsers
            | Self::ManageSettings
            | Self::ManageDestinations => TokenScope::Admin,
        }
    }
}

impl Credential {
    /// What is left of these teams for the credential: it never adds one.
    fn narrow(&self, action: Action, teams: Teams) -> Teams {
        let Self::ApiToken(token) = self else { return teams };
        if token.scope < action.token_scope() {
            return Teams::Only(BTreeSet::new());
        }
        match token.team {
            Some(team) if Scope(teams.clone()).includes(team) => Teams::Only([team].into()),
            Some(_) => Teams::Only(BTreeSet::new()),
            None => teams,
        }
    }

    /// What an API token takes away of its user's roles: scope and team.
    #[must_use]
    pub fn limits(&self) -> Option<(TokenScope, Option<TeamId>)> {
        match self {
            Self::Session(_) => None,
            Self::ApiToken(token) => Some((token.scope, token.team)),
        }
    }

    /// Whether it may be used for what concerns the account itself: its sessions, tokens and password. A token that is
    /// less than its user may not, or it could make a stronger one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Session(_) => true,
            Self::ApiToken(token) => token.scope == TokenScope::Admin && token.team.is_none(),
        }
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody has signed in.
    #[error("you are not signed in")]
    Unauthenticated,
    /// The actor's roles do not allow it.
    #[error("your roles do not allow this")]
    Forbidden,
}

/// Decides whether `actor` may do `action`: in `team` ([`TeamId::NONE`]: with what is global or in no team), or,
/// without a team, wherever it is allowed.
///
/// # Errors
/// [`Denied`] when it is allowed nowhere, or not in `team`.
pub fn allow(actor: &Actor, action: Action, team: Option<TeamId>) -> Result<Scope, Denied> {
    let everywhere = match actor {
        Actor::System => Teams::All,
        Actor::Anonymous => return Err(Denied::Unauthenticated),
        Actor::Host(_) => return Err(Denied::Forbidden),
        Actor::User(user) => user.credential.narrow(action, teams_of(&user.roles, action)),
    };
    let everywhere = Scope(everywhere);
    match team {
        Some(team) if everywhere.includes(team) => Ok(Scope(Teams::Only([team].into()))),
        None if everywhere.is_somewhere() => Ok(everywhere),
        Some(_) | None => Err(Denied::Forbidden),
    }
}

/// The global roles of which one enabled user always stays, or nobody could let anybody in any more.
#[must_use]
pub fn keepers() -> &'static [Role] {
    Action::ManageUsers.roles()
}

/// Whether a user with this global role is one of those of whom one always stays.
#[must_use]
pub fn is_keeper(role: Option<Role>) -> bool {
    role.is_some_and(|role| keepers().contains(&role))
}

/// Where one of two ways allows it.
///
/// # Errors
/// The first denial when neither does.
pub fn either(one: Result<Scope, Denied>, other: Result<Scope, Denied>) -> Result<Scope, Denied> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(one.and(other)),
        (Ok(scope), Err(_)) | (Err(_), Ok(scope)) => Ok(scope),
        (Err(denied), Err(_)) => Err(denied),
    }
}

/// Where these roles allow it: everywhere by the global one, else in the teams whose role does.
fn teams_of(roles: &Roles, action: Action) -> Teams {
    let able = |role: &Role| action.roles().contains(role);
    if roles.global.as_ref().is_some_and(able) {
        return Teams::All;
    }
    Teams::Only(roles.teams.iter().filter(|(_, role)| able(role)).map(|(team, _)| *team).collect())
}

#[cfg(test)]
mod tests;
