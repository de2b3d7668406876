//! Invitations: a token, told once, with which somebody makes their own account.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use entity::id::{InvitationId, PublicId, SessionId, TeamId};
use entity::invitations::{ActiveModel, Model};
use entity::team_members::Model as Member;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use super::activity::NewActivity;
use super::hosts::{Page, PageRequest};
use super::idempotency::Keyed;
use super::sessions::account_holder;
use super::users::{User, actor_of, check_password, keep_an_admin, own_user};
use super::{Fleet, FleetError, RejectionCode, input};
use crate::auth::keys::{is_secret_form, new_public_id, new_secret};
use crate::clock::Timestamp;
use crate::policy::{self, Action, Actor, Credential, Role, Scope, allow};
use crate::store::users::Found;
use crate::store::{admins_lock, invitations, team_members, users};

/// How long an invitation may hold.
const LIFE: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(5 * 24);

/// An invitation without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Inside id.
    pub id: InvitationId,
    /// Outside id, `inv_…`.
    pub public_id: PublicId,
    /// Whom it is for.
    pub email: String,
    /// Team the role is for; [`TeamId::NONE`] for everywhere.
    pub team_id: TeamId,
    /// The role it gives.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An invitation to make.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Whom it is for, in any case.
    pub email: String,
    /// The role it gives.
    pub role: Role,
    /// Team the role is for; everywhere when none.
    pub team: Option<PublicId>,
    /// How long it holds: a minute to five days.
    pub expires_in: Duration,
}

impl Fleet {
    /// Makes an invitation and answers its token, this once. Whether somebody has this e-mail is not told.
    ///
    /// # Errors
    /// Denied; rejected (`email`, `teamId`, `expiresInSeconds`); unavailable.
    pub async fn create_invitation(
        &self,
        actor: &Actor,
        new: NewInvitation,
    ) -> Result<(Invitation, String), FleetError> {
        let (invitation, token) = self.create_invitation_once(actor, new, None).await?;
        token.map(|token| (invitation, token)).ok_or(FleetError::NotFound("invitation"))
    }

    /// As [`Self::create_invitation`]; a repeated `idempotency_key` answers the first one again, without its token.
    ///
    /// # Errors
    /// As [`Self::create_invitation`]; rejected (`idempotencyKey`).
    pub async fn create_invitation_once(
        &self,
        actor: &Actor,
        new: NewInvitation,
        idempotency_key: Option<&str>,
    ) -> Result<(Invitation, Option<String>), FleetError> {
        let team = self.place(actor, Action::ManageUsers, new.team.as_ref()).await?;
        let email = input::email(&new.email).ok_or_else(|| {
            FleetError::rejected(RejectionCode::Invalid, "email", "this is no e-mail address")
        })?;
        if !LIFE.contains(&new.expires_in) {
            let message = "an invitation holds for a minute to five days";
            return Err(FleetError::rejected(RejectionCode::Invalid, "expiresInSeconds", message));
        }
        let input = json!([email, new.role, new.team, new.expires_in]).to_string().into_bytes();
        let request = Keyed { operation: "createInvitation", key: idempotency_key, input };
        let (token, now) = (new_secret(), self.clock.now());
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("inv")),
            email: Set(email),
            team_id: Set(team),
            role: Set(new.role),
            token_hash: Set(self.keys.hash(&token).to_vec()),
            created_by: Set(super::enroll_secrets::creator(actor)),
            created_at: Set(now),
            expires_at: Set(now.plus(new.expires_in)),
            closed_at: Set(None),
        };
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, &request).await? {
            let found = invitations::by_public_ids(&tx, &Scope::system(), &[first]).await?.pop();
            return Ok((found.ok_or(FleetError::NotFound("invitation"))?.into(), None));
        }
        let row = invitations::insert(&tx, row).await?;
        self.record_of_invitation(&tx, actor, "invitation.created", &row).await?;
        self.remember(&tx, actor, &request, &row.public_id).await?;
        tx.commit().await?;
        Ok((row.into(), Some(token)))
    }

    /// A page of open invitations, by id: those whose role the actor may give.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn invitations(
        &self,
        actor: &Actor,
        page: PageRequest,
    ) -> Result<Page<Invitation>, FleetError> {
        let scope = allow(actor, Action::ManageUsers, None)?;
        Ok(invitations::page(self.store.reader(), &scope, &page).await?.map(Invitation::from))
    }

    /// Open invitations by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn invitations_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Invitation>, FleetError> {
        let scope = allow(actor, Action::ManageUsers, None)?;
        let found = invitations::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|row| (row.public_id.clone(), row.into())).collect())
    }

    /// Revokes an invitation.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn revoke_invitation(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        let scope = allow(actor, Action::ManageUsers, None)?;
        let unknown = || FleetError::rejected(RejectionCode::NotFound, "id", "invitation not found");
        let tx = self.store.begin().await?;
        let found = invitations::by_public_ids(&tx, &scope, std::slice::from_ref(id)).await?.pop();
        let row = found.ok_or_else(unknown)?;
        if !invitations::close(&tx, row.id, self.clock.now()).await? {
            return Err(unknown());
        }
        self.record_of_invitation(&tx, actor, "invitation.revoked", &row).await?;
        tx.commit().await?;
        Ok(row.public_id)
    }

    /// Accepts an invitation, once: makes the account with this name and password; or gives the role to the user of
    /// that e-mail, who has to be the actor.
    ///
    /// # Errors
    /// Rejected (`token`: wrong, over, of an e-mail that has an account, all told alike; `displayName`; `password`);
    /// unavailable.
    pub async fn accept_invitation(
        &self,
        actor: &Actor,
        token: &str,
        name: &str,
        password: String,
    ) -> Result<User, FleetError> {
        let row = self.open_invitation(token).await?;
        let known = users::by_email(self.store.reader(), &Scope::system(), &row.email).await?;
        match known {
            Some(found) if account_holder(actor).is_ok_and(|user| user.id == found.user.id) => {
                self.accept_as(actor, &row, &found.user.public_id).await
            }
            known => self.accept_as_new(actor, &row, (name, password), known.is_some()).await,
        }
    }

    /// The open invitation of a token. It holds while whoever made it may still give that role.
    async fn open_invitation(&self, token: &str) -> Result<Model, FleetError> {
        if !is_secret_form(token) {
            return Err(over());
        }
        let (db, system) = (self.store.reader(), Scope::system());
        let found = invitations::by_hash(db, &system, &self.keys.hash(token)).await?;
        let now = self.clock.now();
        let row = found.filter(|row| now < row.expires_at).ok_or_else(over)?;
        let Some(inviter) = row.created_by else { return Ok(row) };
        let inviter = users::by_ids(db, &system, &[inviter]).await?.pop();
        let inviter = inviter.filter(|found| found.user.disabled_at.is_none()).ok_or_else(over)?;
        let inviter = Actor::User(actor_of(inviter, Credential::Session(SessionId::default())));
        allow(&inviter, Action::ManageUsers, Some(row.team_id)).map_err(|_denied| over())?;
        Ok(row)
    }

    /// Makes the account, unless somebody has the e-mail: then it takes the same steps to the answer for a token that is
    /// over, so that who holds an invitation does not learn who has an account.
    async fn accept_as_new(
        &self,
        actor: &Actor,
        row: &Model,
        (name, password): (&str, String),
        is_taken: bool,
    ) -> Result<User, FleetError> {
        let name = input::name(name, "displayName")?;
        check_password(&password, &row.email, "password")?;
        let hash = self.passwords.slot().await?.hash(password).await?;
        if is_taken {
            return Err(over());
        }
        let role = (row.team_id == TeamId::NONE).then_some(row.role);
        let tx = self.store.begin().await?;
        self.close_accepted(&tx, actor, row).await?;
        let user = self.new_row(row.email.clone(), name, hash, role);
        let stored = self.insert_user(&tx, actor, user, row.team_id, row.role).await;
        let found = stored.map_err(|error| match error {
            FleetError::Unavailable(error) if error.is_unique_violation() => over(),
            other => other,
        })?;
        tx.commit().await?;
        Ok(own_user(found))
    }

    async fn accept_as(&self, actor: &Actor, row: &Model, user: &PublicId) -> Result<User, FleetError> {
        let tx = self.store.begin().await?;
        admins_lock(&tx).await?;
        let found = users::lock(&tx, &Scope::system(), user).await?.ok_or_else(over)?;
        self.close_accepted(&tx, actor, row).await?;
        let Found { user, mut teams } = found;
        let id = user.id;
        let user = if row.team_id == TeamId::NONE {
            if !policy::is_keeper(Some(row.role)) {
                keep_an_admin(&tx, &Found { user: user.clone(), teams: Vec::new() }).await?;
            }
            let mut changed = user.into_active_model();
            changed.role = Set(Some(row.role));
            users::update(&tx, changed).await?
        } else {
            team_members::set(&tx, Member { user_id: id, team_id: row.team_id, role: row.role }).await?;
            teams.retain(|(team, _)| *team != row.team_id);
            teams.push((row.team_id, row.role));
            user
        };
        self.tell_of_user(tx, id).await?;
        Ok(own_user(Found { user, teams }))
    }

    /// Marks an invitation as accepted; of two at once the later one finds it over.
    async fn close_accepted(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        row: &Model,
    ) -> Result<(), FleetError> {
        if !invitations::close(tx, row.id, self.clock.now()).await? {
            return Err(over());
        }
        self.record_of_invitation(tx, actor, "invitation.accepted", row).await
    }

    async fn record_of_invitation(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        row: &Model,
    ) -> Result<(), FleetError> {
        let details = json!({ "email": row.email, "role": row.role, "expires_at": row.expires_at });
        let (team, subject) = (row.team_id.some(), Some(&row.public_id));
        self.record_activity(tx, actor, NewActivity { kind, team, subject, details }).await
    }
}

impl From<Model> for Invitation {
    fn from(row: Model) -> Self {
        let Model { id, public_id, email, team_id, role, created_at, expires_at, .. } = row;
        Self { id, public_id, email, team_id, role, created_at, expires_at }
    }
}

fn over() -> FleetError {
    let message = "this invitation is over, or never was, or is for an account that exists: sign in with it, then accept";
    FleetError::rejected(RejectionCode::NotFound, "token", message)
}
