//! Users as others see them, and as actors.

use entity::id::{PublicId, TeamId, UserId};
use entity::users::Model;

use crate::clock::Timestamp;
use crate::policy::{Action, Actor, Credential, Denied, Roles, Scope, UserActor, allow};
use crate::store::users::Found;

/// A user as others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Inside id.
    pub id: UserId,
    /// Outside id, `usr_…`.
    pub public_id: PublicId,
    /// Name to show.
    pub name: String,
    /// E-mail; none when the viewer may not see it: users see their own, admins everybody's.
    pub email: Option<String>,
    /// Roles.
    pub roles: Roles,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was disabled.
    pub disabled_at: Option<Timestamp>,
    /// For changes that name the version they read.
    pub version: i32,
}

/// Who looks at users.
pub(super) struct Viewer {
    own: Option<UserId>,
    /// Where the viewer manages users.
    manages: Option<Scope>,
}

impl Viewer {
    /// The view of an actor.
    ///
    /// # Errors
    /// Denied when nobody has signed in.
    pub(super) fn of(actor: &Actor) -> Result<Self, Denied> {
        let own = match actor {
            Actor::Anonymous => return Err(Denied::Unauthenticated),
            Actor::Host(_) => return Err(Denied::Forbidden),
            Actor::User(user) => Some(user.id),
            Actor::System => None,
        };
        Ok(Self { own, manages: allow(actor, Action::ReadUsers, None).ok() })
    }

    /// Whether the viewer manages the user, or is them.
    pub(super) fn manages_or_is(&self, found: &Found) -> bool {
        let manages = self.manages.as_ref().is_some_and(|scope| {
            scope.includes(TeamId::NONE) || found.teams.iter().any(|(team, _)| scope.includes(*team))
        });
        manages || self.own == Some(found.user.id)
    }

    /// The user as the viewer sees it: of those whom the viewer neither manages nor is, the name alone.
    pub(super) fn user(&self, found: Found) -> User {
        let is_open = self.manages_or_is(&found);
        let user = own_user(found);
        if is_open {
            return user;
        }
        User {
            email: None,
            roles: Roles { global: user.roles.global, ..Roles::default() },
            disabled_at: None,
            ..user
        }
    }
}

/// A user as the user sees it.
pub(in crate::fleet) fn own_user(found: Found) -> User {
    let roles = roles(&found);
    let Model { id, public_id, name, email, created_at, disabled_at, version, .. } = found.user;
    User { id, public_id, name, email: Some(email), roles, created_at, disabled_at, version }
}

/// The user as an actor with this credential.
pub(in crate::fleet) fn actor_of(found: Found, credential: Credential) -> UserActor {
    let roles = roles(&found);
    let Model { id, public_id, name, .. } = found.user;
    UserActor { id, public_id, name, credential, roles, source: None, signed_by: None }
}

fn roles(found: &Found) -> Roles {
    Roles { global: found.user.role, teams: found.teams.iter().copied().collect() }
}
