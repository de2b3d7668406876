//! Who acts, and by what they proved it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use entity::id::{ApiTokenId, HostId, PublicId, SessionId, SigningKeyId, TeamId, UserId};

use super::{Role, TokenScope};

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
    /// The key that signed their access token; none for another credential, and for what a server remembers of them
    /// between requests.
    pub signed_by: Option<SigningKeyId>,
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

impl Actor {
    /// The user who acts, if it is one.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user.id),
            Self::Anonymous | Self::Host(_) | Self::System => None,
        }
    }

    /// The same, as acting from there.
    #[must_use]
    pub fn from_source(self, source: IpAddr) -> Self {
        match self {
            Self::User(user) => Self::User(UserActor { source: Some(source), ..user }),
            other => other,
        }
    }
}
