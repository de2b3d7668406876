//! Changing users and their roles, and deleting them. Somebody who is signed in never changes their own standing, and
//! one enabled global admin always stays.

use entity::id::{PublicId, TeamId, UserId};
use entity::kind::ChangeKind;
use entity::team_members::Model as Member;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use serde_json::json;

use super::{User, Viewer};
use crate::fleet::activity::NewActivity;
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{self, Action, Actor, Role, Scope, allow};
use crate::store::users::Found;
use crate::store::{admins_lock, changes, sessions, team_members, users};

/// A change of a user; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The version that was read.
    pub expected_version: Option<i32>,
    /// Another name to show.
    pub name: Option<String>,
    /// Another global role; none inside takes it away.
    pub role: Option<Option<Role>>,
    /// Shut out, or let in again.
    pub is_disabled: Option<bool>,
}

impl Fleet {
    /// Changes a user. Sessions of one who is disabled end at once; API tokens rest until the user is let in again.
    ///
    /// # Errors
    /// Denied; rejected (`id`: not there, the last admin; `role`, `isDisabled`: one's own; `displayName`;
    /// `expectedVersion`); unavailable.
    pub async fn update_user(
        &self,
        actor: &Actor,
        id: &PublicId,
        change: UserChange,
    ) -> Result<User, FleetError> {
        self.check_manages_everybody(actor, id).await?;
        if is_self(actor, id) && (change.role.is_some() || change.is_disabled.is_some()) {
            return self.refuse(actor, Some(id), "id", "nobody changes their own role or state").await;
        }
        let name = change.name.as_deref().map(|name| input::name(name, "displayName")).transpose()?;
        let tx = self.store.begin().await?;
        admins_lock(&tx).await?;
        let found = locked(&tx, &Scope::system(), id).await?;
        if change.expected_version.is_some_and(|version| version != found.user.version) {
            let message = "the user was changed since it was read";
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        let role = change.role.unwrap_or(found.user.role);
        let disabled_at = match change.is_disabled {
            Some(true) => found.user.disabled_at.or(Some(self.clock.now())),
            Some(false) => None,
            None => found.user.disabled_at,
        };
        if !policy::is_keeper(role) || disabled_at.is_some() {
            keep_an_admin(&tx, &found).await?;
        }
        let details = json!({ "role": role, "disabled": disabled_at.is_some() });
        let version = found.user.version.saturating_add(1);
        let mut row = found.user.into_active_model();
        row.version = Set(version);
        row.role = Set(role);
        row.disabled_at = Set(disabled_at);
        if let Some(name) = name {
            row.name = Set(name);
        }
        let user = users::update(&tx, row).await?;
        if user.disabled_at.is_some() {
            sessions::end_of_user(&tx, user.id, None, self.clock.now()).await?;
        }
        self.record_of_user(&tx, actor, "user.updated", &user.public_id, None, details).await?;
        self.tell_of_user(tx, user.id).await?;
        Ok(Viewer::of(actor)?.user(Found { user, teams: found.teams }))
    }

    /// Deletes a user, with roles, sessions and API tokens. What the user made stays.
    ///
    /// # Errors
    /// Denied; rejected (`id`: not there, one's own, the last admin); unavailable.
    pub async fn delete_user(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        self.check_manages_everybody(actor, id).await?;
        if is_self(actor, id) {
            return self.refuse(actor, Some(id), "id", "nobody deletes themselves").await;
        }
        let tx = self.store.begin().await?;
        admins_lock(&tx).await?;
        let found = locked(&tx, &Scope::system(), id).await?;
        keep_an_admin(&tx, &found).await?;
        users::delete(&tx, found.user.id).await?;
        let details = json!({ "email": found.user.email, "name": found.user.name });
        self.record_of_user(&tx, actor, "user.deleted", id, None, details).await?;
        self.tell_of_user(tx, found.user.id).await?;
        Ok(found.user.public_id)
    }

    /// Gives a user a role in a team, in place of the one there.
    ///
    /// # Errors
    /// Denied; rejected (`userId`: not there, one's own; `teamId`); unavailable.
    pub async fn set_team_role(
        &self,
        actor: &Actor,
        id: &PublicId,
        team: &PublicId,
        role: Role,
    ) -> Result<User, FleetError> {
        self.change_team_role(actor, id, team, Some(role)).await
    }

    /// Takes a user's role in a team away; without one nothing happens.
    ///
    /// # Errors
    /// As [`Self::set_team_role`].
    pub async fn remove_team_role(
        &self,
        actor: &Actor,
        id: &PublicId,
        team: &PublicId,
    ) -> Result<User, FleetError> {
        self.change_team_role(actor, id, team, None).await
    }

    async fn change_team_role(
        &self,
        actor: &Actor,
        id: &PublicId,
        team: &PublicId,
        role: Option<Role>,
    ) -> Result<User, FleetError> {
        let place = self.place(actor, Action::ManageUsers, Some(team)).await?;
        if is_self(actor, id) {
            return self.refuse(actor, Some(id), "userId", "nobody changes their own role").await;
        }
        let scope = allow(actor, Action::ReadUsers, None)?;
        let tx = self.store.begin().await?;
        let mut found = users::lock(&tx, &scope, id).await?.ok_or_else(|| unknown("userId"))?;
        let user = found.user.id;
        found.teams.retain(|(other, _)| *other != place);
        match role {
            Some(role) => {
                team_members::set(&tx, Member { user_id: user, team_id: place, role }).await?;
                found.teams.push((place, role));
            }
            None => drop(team_members::remove(&tx, user, place).await?),
        }
        let details = json!({ "team": team, "role": role });
        self.record_of_user(&tx, actor, "user.team_role", id, Some(place), details).await?;
        self.tell_of_user(tx, user).await?;
        Ok(Viewer::of(actor)?.user(found))
    }

    /// Only who manages every user changes what holds everywhere; that others tried is recorded.
    async fn check_manages_everybody(&self, actor: &Actor, id: &PublicId) -> Result<(), FleetError> {
        let Err(denied) = allow(actor, Action::ManageUsers, Some(TeamId::NONE)) else { return Ok(()) };
        if matches!(actor, Actor::User(_)) {
            return self.refuse(actor, Some(id), "id", "your roles do not allow this").await;
        }
        Err(denied.into())
    }

    async fn record_of_user(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        subject: &PublicId,
        team: Option<TeamId>,
        details: serde_json::Value,
    ) -> Result<(), FleetError> {
        let activity = NewActivity { kind, team, subject: Some(subject), details };
        self.record_activity(tx, actor, activity).await
    }

    /// Ends a transaction that changed a user, and tells every server.
    pub(in crate::fleet) async fn tell_of_user(
        &self,
        tx: DatabaseTransaction,
        user: UserId,
    ) -> Result<(), FleetError> {
        changes::record(&tx, &[(ChangeKind::User, user.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(())
    }
}

/// Refuses to take the last enabled global admin away. The lock on admins is held, so that of two who would take each
/// other away one is left.
///
/// # Errors
/// Rejected (`id`); unavailable.
pub(in crate::fleet) async fn keep_an_admin(
    tx: &DatabaseTransaction,
    found: &Found,
) -> Result<(), FleetError> {
    let is_keeper = policy::is_keeper(found.user.role) && found.user.disabled_at.is_none();
    if is_keeper && users::other_admins(tx, &Scope::system(), found.user.id).await? == 0 {
        let message = "this is the last admin: make another one first";
        return Err(FleetError::rejected(RejectionCode::NotAllowed, "id", message));
    }
    Ok(())
}

async fn locked(tx: &DatabaseTransaction, scope: &Scope, id: &PublicId) -> Result<Found, FleetError> {
    users::lock(tx, scope, id).await?.ok_or_else(|| unknown("id"))
}

fn unknown(path: &'static str) -> FleetError {
    FleetError::rejected(RejectionCode::NotFound, path, "user not found")
}

fn is_self(actor: &Actor, id: &PublicId) -> bool {
    matches!(actor, Actor::User(user) if user.public_id == *id)
}
