//! Who may do what: the only file that decides.
//!
//! [`allow`] answers with a [`Scope`], the proof of permission and the row filter in one value. A store read
//! demands a `&Scope`, so a read that nobody allowed does not compile. What is out of scope is *not found*.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use entity::id::{ApiTokenId, HostId, PublicId, SessionId, TeamId, UserId};
pub use entity::kind::{Role, TokenScope};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody has signed in.
    Anonymous,
    /// A person, or a program with an API token of theirs.
    User(UserActor),
    /// A host, by its node key.
    Host(HostId),
    /// Muster itself: tasks, and commands on the database.
    System,
}

/// A signed-in user, with the roles of this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserActor {
    /// The user.
    pub id: UserId,
    /// The user's outside id.
    pub public_id: PublicId,
    /// The user's name.
    pub name: String,
    /// How the user proved who they are.
    pub credential: Credential,
    /// Roles.
    pub roles: Roles,
    /// Where from; none for what a server remembers of them between requests.
    pub source: Option<IpAddr>,
}

/// What a user proved themselves with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A session.
    Session(SessionId),
    /// An API token.
    ApiToken(Box<TokenActor>),
}

/// An API token as it acts: with the roles of its user, as far as its scope and team reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenActor {
    /// Inside id.
    pub id: ApiTokenId,
    /// Outside id.
    pub public_id: PublicId,
    /// Its name.
    pub name: String,
    /// What it may do at most.
    pub scope: TokenScope,
    /// The only team it acts in, if it is for one.
    pub team: Option<TeamId>,
}

/// The roles of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Global role: holds in every team and for what is in none.
    pub global: Option<Role>,
    /// Role by team.
    pub teams: BTreeMap<TeamId, Role>,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// See hosts, their labels and teams.
    ReadHosts,
    /// Transfer and delete hosts.
    ManageHosts,
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
    /// See saved queries.
    ReadSavedQueries,
    /// Make, change and delete saved queries.
    ManageSavedQueries,
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
}

impl Action {
    /// Every action, in the order of the declaration.
    pub const ALL: &[Self] = &[
        Self::ReadHosts,
        Self::ManageHosts,
        Self::ReadTeams,
        Self::ManageTeams,
        Self::ManageEnrollSecrets,
        Self::ReadUsers,
        Self::ManageUsers,
        Self::ReadSavedQueries,
        Self::ManageSavedQueries,
        Self::ReadCampaigns,
        Self::RunObserverQueries,
        Self::RunAnySql,
        Self::RunRestrictedSql,
        Self::RunOnMany,
        Self::StopAnyCampaign,
        Self::ReadSettings,
        Self::ManageSettings,
        Self::ReadActivities,
    ];

    /// The roles that may do it, weakest first. This table is the policy.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        use Role::{Admin, Gitops, Maintainer, Observer, ObserverPlus};
        match self {
            Self::ReadHosts | Self::ReadCampaigns | Self::RunObserverQueries => {
                &[Observer, ObserverPlus, Maintainer, Admin]
            }
            Self::ReadTeams | Self::ReadSavedQueries | Self::ReadSettings => {
                &[Observer, ObserverPlus, Maintainer, Admin, Gitops]
            }
            Self::RunAnySql => &[ObserverPlus, Maintainer, Admin],
            Self::ManageSavedQueries => &[Maintainer, Admin, Gitops],
            Self::ManageHosts | Self::RunRestrictedSql | Self::StopAnyCampaign => &[Maintainer, Admin],
            Self::ManageTeams
            | Self::ManageEnrollSecrets
            | Self::ReadUsers
            | Self::ManageUsers
            | Self::RunOnMany
            | Self::ManageSettings
            | Self::ReadActivities => &[Admin],
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
            | Self::ReadCampaigns
            | Self::ReadSettings
            | Self::ReadActivities => TokenScope::Read,
            Self::RunObserverQueries | Self::RunAnySql | Self::RunRestrictedSql | Self::RunOnMany => {
                TokenScope::Run
            }
            Self::ManageHosts | Self::ManageSavedQueries | Self::StopAnyCampaign => TokenScope::Manage,
            Self::ManageTeams | Self::ManageEnrollSecrets | Self::ManageUsers | Self::ManageSettings => {
                TokenScope::Admin
            }
        }
    }
}

impl Actor {
    /// The same, as acting from there.
    #[must_use]
    pub fn from_source(self, source: IpAddr) -> Self {
        match self {
            Self::User(user) => Self::User(UserActor { source: Some(source), ..user }),
            other => other,
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

/// The proof that an action is allowed, and where: a filter of rows by team.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Teams);

/// The teams of a scope. [`TeamId::NONE`] stands for what is in no team.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Teams {
    /// Every team, and what is in none.
    All,
    /// These teams only; for a single host (the agent face), none.
    Only(BTreeSet<TeamId>),
}

impl Scope {
    /// The scope of Muster itself: everything.
    #[must_use]
    pub fn system() -> Self {
        Self(Teams::All)
    }

    /// The scope of the agent face once a host has proved itself: what is the host's own and the SQL it is asked.
    #[must_use]
    pub fn of_host(team: TeamId) -> Self {
        Self(Teams::Only(BTreeSet::from([team])))
    }

    /// The teams, for the filter of a statement.
    #[must_use]
    pub fn teams(&self) -> &Teams {
        &self.0
    }

    /// Whether what belongs to `team` is in scope.
    #[must_use]
    pub fn includes(&self, team: TeamId) -> bool {
        match &self.0 {
            Teams::All => true,
            Teams::Only(teams) => teams.contains(&team),
        }
    }

    /// Where either is.
    fn and(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Teams::Only(one), Teams::Only(other)) => Self(Teams::Only(one.union(&other).copied().collect())),
            (Teams::All, _) | (_, Teams::All) => Self(Teams::All),
        }
    }

    fn is_somewhere(&self) -> bool {
        match &self.0 {
            Teams::All => true,
            Teams::Only(teams) => !teams.is_empty(),
        }
    }
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
