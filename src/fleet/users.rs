//! Users and their API tokens.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use entity::id::{PublicId, TeamId, UserId};
use entity::users::{ActiveModel, Model};
use entity::{api_tokens as token_row, team_members};
use sea_orm::ActiveValue::{NotSet, Set};
use serde_json::json;

use super::activity::NewActivity;
use super::{Fleet, FleetError, RejectionCode, input};
use crate::auth::api_token::new_api_token;
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::policy::{Action, Actor, Credential, Denied, Role, Roles, Scope, UserActor, allow};
use crate::store::users::Found;
use crate::store::{self, api_tokens, users};

/// Characters of a password.
const PASSWORD_CHARS: RangeInclusive<usize> = 12..=128;

/// Life of an API token at most.
const MAX_TOKEN_LIFE: Duration = Duration::from_hours(3650 * 24);

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
}

/// An API token without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Outside id, `tok_…`.
    pub public_id: PublicId,
    /// Name to show.
    pub name: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A user to make.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// E-mail, in any case; unique.
    pub email: String,
    /// Name to show.
    pub name: String,
    /// Password: 12 characters at least, 128 at most.
    pub password: String,
    /// The role.
    pub role: Role,
    /// Team the role is for; global when none.
    pub team: Option<PublicId>,
}

impl Fleet {
    /// Users by inside id, for `createdBy` edges: names for everyone who is signed in.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users_by_ids(
        &self,
        actor: &Actor,
        ids: &[UserId],
    ) -> Result<HashMap<UserId, User>, FleetError> {
        let viewer = Viewer::of(actor)?;
        let found = users::by_ids(self.store.reader(), &Scope::system(), ids).await?;
        Ok(found.into_iter().map(|found| (found.user.id, viewer.user(found))).collect())
    }

    /// Users by outside id: the actor's own, or anybody for admins.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, User>, FleetError> {
        let viewer = Viewer::of(actor)?;
        let found = users::by_public_ids(self.store.reader(), &Scope::system(), ids).await?;
        let visible = found.into_iter().filter(|found| viewer.manages_or_is(found));
        Ok(visible.map(|found| (found.user.public_id.clone(), viewer.user(found))).collect())
    }

    /// The API token the actor came with; none for a session.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn api_token_of(&self, actor: &Actor) -> Result<Option<ApiToken>, FleetError> {
        let Actor::User(user) = actor else { return Ok(None) };
        let Credential::ApiToken(id, ..) = user.credential else { return Ok(None) };
        let row = api_tokens::by_id(self.store.reader(), &Scope::system(), id).await?;
        Ok(row.map(|row| ApiToken {
            last_used_at: self.sessions.unwritten_use(id).max(row.last_used_at),
            ..ApiToken::from(row)
        }))
    }

    /// Every user, by e-mail; for the admin of some teams, those with a role there.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users(&self, actor: &Actor) -> Result<Vec<User>, FleetError> {
        let scope = allow(actor, Action::ReadUsers, None)?;
        let viewer = Viewer::of(actor)?;
        let found = users::all(self.store.reader(), &scope).await?;
        Ok(found.into_iter().map(|found| viewer.user(found)).collect())
    }

    /// Makes a user with one role.
    ///
    /// # Errors
    /// Denied; rejected (`email`: no e-mail, taken; `name`; `password`; `teamId`); unavailable.
    pub async fn create_user(&self, actor: &Actor, new: NewUser) -> Result<User, FleetError> {
        let team = self.place(actor, Action::ManageUsers, new.team.as_ref()).await?;
        let email = input::email(&new.email).ok_or_else(|| {
            FleetError::rejected(RejectionCode::Invalid, "email", "this is no e-mail address")
        })?;
        let name = input::name(&new.name, "name")?;
        check_password(&new.password)?;
        let password_hash = self.passwords.slot().await?.hash(new.password).await?;
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("usr")),
            email: Set(email),
            name: Set(name),
            password_hash: Set(password_hash),
            role: Set((team == TeamId::NONE).then_some(new.role)),
            created_at: Set(self.clock.now()),
            disabled_at: Set(None),
        };
        match self.store_user(actor, row, team, new.role).await {
            Err(FleetError::Unavailable(error)) if error.is_unique_violation() => {
                Err(FleetError::rejected(RejectionCode::NotUnique, "email", "this e-mail is taken"))
            }
            stored => Ok(Viewer::of(actor)?.user(stored?)),
        }
    }

    /// Makes an API token that acts as the user of that e-mail, and answers its text, this once. Users make their
    /// own; those who manage every user make anybody's.
    ///
    /// # Errors
    /// Denied; rejected (`email`, `name`, `expires`: up to 3,650 days); unavailable.
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        email: &str,
        name: &str,
        expires_in: Duration,
    ) -> Result<(ApiToken, String), FleetError> {
        let user = self.token_owner(actor, email).await?;
        let name = input::name(name, "name")?;
        if expires_in.is_zero() || expires_in > MAX_TOKEN_LIFE {
            let message = "a token lives for up to 3,650 days";
            return Err(FleetError::rejected(RejectionCode::Invalid, "expires", message));
        }
        let text = new_api_token();
        let now = self.clock.now();
        let row = token_row::ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("tok")),
            user_id: Set(user.user.id),
            name: Set(name),
            token_hash: Set(self.keys.hash(&text).to_vec()),
            created_at: Set(now),
            expires_at: Set(now.plus(expires_in)),
            revoked_at: Set(None),
            last_used_at: Set(None),
        };
        let tx = self.store.begin().await?;
        let row = api_tokens::insert(&tx, row).await?;
        let activity = NewActivity {
            kind: "api_token.created",
            team: None,
            subject: Some(&row.public_id),
            details: json!({ "user": user.user.public_id, "expires_at": row.expires_at }),
        };
        self.record_activity(&tx, actor, activity).await?;
        tx.commit().await?;
        Ok((row.into(), text))
    }

    async fn store_user(
        &self,
        actor: &Actor,
        row: ActiveModel,
        team: TeamId,
        role: Role,
    ) -> Result<Found, FleetError> {
        let tx = self.store.begin().await?;
        let user = users::insert(&tx, row).await?;
        let mut teams = Vec::new();
        if team != TeamId::NONE {
            let member = team_members::Model { user_id: user.id, team_id: team, role };
            store::team_members::insert(&tx, member).await?;
            teams.push((team, role));
        }
        let activity = NewActivity {
            kind: "user.created",
            team: team.some(),
            subject: Some(&user.public_id),
            details: json!({ "role": role }),
        };
        self.record_activity(&tx, actor, activity).await?;
        tx.commit().await?;
        Ok(Found { user, teams })
    }

    /// The user that a new token shall act as. Only who manages every user may take somebody else's place: a token of
    /// a stronger user would lend the roles of that user.
    async fn token_owner(&self, actor: &Actor, email: &str) -> Result<Found, FleetError> {
        let anybody = allow(actor, Action::ManageUsers, Some(TeamId::NONE));
        let own = match actor {
            Actor::User(user) => Some(user.id),
            _ => None,
        };
        let email = input::email(email).unwrap_or_default();
        let found = users::by_email(self.store.reader(), &Scope::system(), &email).await?;
        let enabled = found.filter(|found| found.user.disabled_at.is_none());
        match (enabled, anybody) {
            (Some(found), _) if own == Some(found.user.id) => Ok(found),
            (Some(found), Ok(_)) => Ok(found),
            (None, Ok(_)) => {
                Err(FleetError::rejected(RejectionCode::NotFound, "email", "no user has this e-mail"))
            }
            (_, Err(denied)) => Err(denied.into()),
        }
    }
}

/// Who looks at users.
struct Viewer {
    own: Option<UserId>,
    /// Where the viewer manages users.
    manages: Option<Scope>,
}

impl Viewer {
    /// The view of an actor.
    ///
    /// # Errors
    /// Denied when nobody has signed in.
    fn of(actor: &Actor) -> Result<Self, Denied> {
        let own = match actor {
            Actor::Anonymous => return Err(Denied::Unauthenticated),
            Actor::Host(_) => return Err(Denied::Forbidden),
            Actor::User(user) => Some(user.id),
            Actor::System => None,
        };
        Ok(Self { own, manages: allow(actor, Action::ReadUsers, None).ok() })
    }

    fn manages_or_is(&self, found: &Found) -> bool {
        let manages = self.manages.as_ref().is_some_and(|scope| {
            scope.includes(TeamId::NONE) || found.teams.iter().any(|(team, _)| scope.includes(*team))
        });
        manages || self.own == Some(found.user.id)
    }

    fn user(&self, found: Found) -> User {
        let email_visible = self.manages_or_is(&found);
        let user = own_user(found);
        User { email: user.email.filter(|_| email_visible), ..user }
    }
}

impl From<token_row::Model> for ApiToken {
    fn from(row: token_row::Model) -> Self {
        Self {
            public_id: row.public_id,
            name: row.name,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// A user as the user sees it.
pub(super) fn own_user(found: Found) -> User {
    let roles = roles(&found);
    let Model { id, public_id, name, email, created_at, .. } = found.user;
    User { id, public_id, name, email: Some(email), roles, created_at }
}

/// The user as an actor with this credential.
pub(super) fn actor_of(found: Found, credential: Credential) -> UserActor {
    let roles = roles(&found);
    let Model { id, public_id, name, .. } = found.user;
    UserActor { id, public_id, name, credential, roles }
}

fn roles(found: &Found) -> Roles {
    Roles { global: found.user.role, teams: found.teams.iter().copied().collect() }
}

fn check_password(password: &str) -> Result<(), FleetError> {
    if PASSWORD_CHARS.contains(&password.chars().count()) {
        return Ok(());
    }
    let message = "a password has 12 to 128 characters";
    Err(FleetError::rejected(RejectionCode::Invalid, "password", message))
}
