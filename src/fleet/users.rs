//! Users and their API tokens.

use std::collections::HashMap;
use std::net::IpAddr;

use entity::id::{PublicId, TeamId, UserId};
use entity::team_members::Model as Member;
use entity::users::{ActiveModel, Model};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::activity::NewActivity;
use super::hosts::{Page, PageRequest};
use super::idempotency::Keyed;
use super::{Fleet, FleetError, RejectionCode, input};
use crate::auth::keys::new_public_id;
use crate::auth::password_rules;
use crate::policy::{Action, Actor, Role, Scope, allow};
use crate::store::users::Found;
use crate::store::{team_members, teams, users};

mod manage;
mod shown;
mod tokens;

pub use self::manage::UserChange;
pub(super) use self::manage::keep_an_admin;
pub use self::shown::User;
use self::shown::Viewer;
pub(super) use self::shown::{actor_of, own_user};
pub use tokens::{ApiToken, NewApiToken, Whose};

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

    /// A page of users, by id: for the admin of some teams, those with a role there; `team` keeps those with a role in
    /// one team, `search` those with this in their name or e-mail.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users_page(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<User>, FleetError> {
        let scope = allow(actor, Action::ReadUsers, None)?;
        let Some(team) = self.wanted_team(&scope, team).await? else { return Ok(Page::empty()) };
        let viewer = Viewer::of(actor)?;
        let found = users::page(self.store.reader(), &scope, users::Wanted { team, search }, &page).await?;
        Ok(found.map(|found| viewer.user(found)))
    }

    /// How many users there are of those that [`Self::users_page`] lists.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_users(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        search: Option<&str>,
    ) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadUsers, None)?;
        let Some(team) = self.wanted_team(&scope, team).await? else { return Ok(0) };
        Ok(users::count(self.store.reader(), &scope, users::Wanted { team, search }).await?)
    }

    /// The team that a list is narrowed to: none inside for no narrowing, none when it is not in scope.
    async fn wanted_team(
        &self,
        scope: &Scope,
        team: Option<&PublicId>,
    ) -> Result<Option<Option<TeamId>>, FleetError> {
        let Some(team) = team else { return Ok(Some(None)) };
        let found = teams::by_public_ids(self.store.reader(), scope, std::slice::from_ref(team)).await?;
        Ok(found.first().map(|team| Some(team.id)))
    }

    /// Makes a user with one role. Only for those who manage every user: whoever makes an account knows its password,
    /// and learns whether the e-mail has one. The admins of a team invite.
    ///
    /// # Errors
    /// Denied; rejected (`email`: no e-mail, taken; `name`; `password`; `teamId`); unavailable.
    pub async fn create_user(&self, actor: &Actor, new: NewUser) -> Result<User, FleetError> {
        self.create_user_once(actor, new, None).await
    }

    /// As [`Self::create_user`]; a repeated `idempotency_key` answers the first user again.
    ///
    /// # Errors
    /// As [`Self::create_user`]; rejected (`idempotencyKey`).
    pub async fn create_user_once(
        &self,
        actor: &Actor,
        new: NewUser,
        idempotency_key: Option<&str>,
    ) -> Result<User, FleetError> {
        allow(actor, Action::ManageUsers, Some(TeamId::NONE))?;
        let team = self.place(actor, Action::ManageUsers, new.team.as_ref()).await?;
        let email = input::email(&new.email).ok_or_else(|| {
            FleetError::rejected(RejectionCode::Invalid, "email", "this is no e-mail address")
        })?;
        let name = input::name(&new.name, "name")?;
        check_password(&new.password, &email, "password")?;
        // Of the password only what nobody can guess at without the key.
        let password = self.keys.hash(&new.password);
        let input = json!([email, name, password, new.role, new.team]).to_string().into_bytes();
        let request = Keyed { operation: "createUser", key: idempotency_key, input };
        let password_hash = self.passwords.slot().await?.hash(new.password).await?;
        let role = (team == TeamId::NONE).then_some(new.role);
        let row = self.new_row(email, name, password_hash, role);
        match self.store_user(actor, row, (team, new.role), &request).await {
            Err(FleetError::Unavailable(error)) if error.is_unique_violation() => {
                Err(FleetError::rejected(RejectionCode::NotUnique, "email", "this e-mail is taken"))
            }
            stored => Ok(Viewer::of(actor)?.user(stored?)),
        }
    }

    /// The row of a new user.
    pub(super) fn new_row(
        &self,
        email: String,
        name: String,
        password_hash: String,
        role: Option<Role>,
    ) -> ActiveModel {
        ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("usr")),
            email: Set(email),
            name: Set(name),
            password_hash: Set(password_hash),
            role: Set(role),
            created_at: Set(self.clock.now()),
            disabled_at: Set(None),
            version: Set(1),
        }
    }

    async fn store_user(
        &self,
        actor: &Actor,
        row: ActiveModel,
        (team, role): (TeamId, Role),
        request: &Keyed<'_>,
    ) -> Result<Found, FleetError> {
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let found = users::by_public_ids(&tx, &Scope::system(), &[first]).await?.pop();
            return found.ok_or(FleetError::NotFound("user"));
        }
        let found = self.insert_user(&tx, actor, row, team, role).await?;
        self.remember(&tx, actor, request, &found.user.public_id).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Stores a new user with one role in `tx`.
    ///
    /// # Errors
    /// Unavailable; a unique violation when the e-mail is taken.
    pub(super) async fn insert_user(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        row: ActiveModel,
        team: TeamId,
        role: Role,
    ) -> Result<Found, FleetError> {
        let user = users::insert(tx, row).await?;
        let mut teams = Vec::new();
        if team != TeamId::NONE {
            let member = Member { user_id: user.id, team_id: team, role };
            team_members::insert(tx, member).await?;
            teams.push((team, role));
        }
        let source = match actor {
            Actor::User(user) => user.source,
            _ => None,
        };
        self.record_user_created(tx, actor, source, (&user, team.some(), role)).await?;
        Ok(Found { user, teams })
    }

    /// Records that a user was made with a role.
    pub(super) async fn record_user_created(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        source: Option<IpAddr>,
        (user, team, role): (&Model, Option<TeamId>, Role),
    ) -> Result<(), FleetError> {
        let activity = NewActivity {
            kind: "user.created",
            team,
            subject: Some(&user.public_id),
            details: json!({ "role": role }),
        };
        self.record_activity_from(tx, actor, source, activity).await
    }
}

/// Sees that a password is long and not one that is tried first.
///
/// # Errors
/// Rejected at `path`.
pub(super) fn check_password(password: &str, email: &str, path: &'static str) -> Result<(), FleetError> {
    match password_rules::problem(password, email) {
        Some(problem) => Err(FleetError::rejected(RejectionCode::Invalid, path, problem)),
        None => Ok(()),
    }
}
