//! Changing a password, and setting a new one where it was forgotten. Both end every other session.

use std::time::Duration;

use entity::id::{PublicId, SessionId, TeamId, UserId};
use entity::kind::ChangeKind;
use entity::password_resets::ActiveModel;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::limits::Attempt;
use super::manage::account_holder;
use super::{CredentialId, Visit};
use crate::auth::Verdict;
use crate::auth::keys::{is_secret_form, new_secret};
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::idempotency::Keyed;
use crate::fleet::users::check_password;
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Credential, Scope, allow};
use crate::store::users::Found;
use crate::store::{StoreError, api_tokens, changes, password_resets, sessions, users};

/// How long a reset can be used.
const RESET_LIFE: Duration = Duration::from_hours(1);

/// A new password, and what ends with the old one.
struct NewPassword<'a> {
    found: &'a Found,
    hash: String,
    /// The session that goes on.
    keep: Option<SessionId>,
    revoke_tokens: bool,
    kind: &'static str,
}

impl Fleet {
    /// Changes the actor's password. Every other session of theirs ends, and every reset; if wanted, their API tokens
    /// too.
    ///
    /// # Errors
    /// Denied; rejected (`currentPassword`, `newPassword`); rate limited as a sign-in; unavailable.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: &str,
        new: &str,
        revoke_tokens: bool,
        visit: &Visit,
    ) -> Result<(), FleetError> {
        let user = account_holder(actor)?;
        let found = users::by_ids(self.store.reader(), &Scope::system(), &[user.id]).await?.pop();
        let found = found.ok_or(FleetError::NotFound("user"))?;
        check_password(new, &found.user.email, "newPassword")?;
        let attempt = Attempt::new(self.keys.hash(&found.user.email), visit.source);
        self.check_attempt(&attempt).await?;
        let stored = Some(found.user.password_hash.clone());
        let (verdict, slot) = self.passwords.slot().await?.check(current.to_owned(), stored).await?;
        if verdict == Verdict::Wrong {
            self.record_failed_login(Some(&found), &attempt, visit.source).await?;
            let message = "this is not your password";
            return Err(FleetError::rejected(RejectionCode::InvalidCredentials, "currentPassword", message));
        }
        let hash = slot.hash(new.to_owned()).await?;
        let keep = match CredentialId::of(&user.credential) {
            CredentialId::Session(id) => Some(id),
            CredentialId::ApiToken(_) => None,
        };
        let tx = self.store.begin().await?;
        let new = NewPassword { found: &found, hash, keep, revoke_tokens, kind: "password.changed" };
        self.set_password(tx, actor, new).await
    }

    /// Makes a token that sets a new password for a user, once, within an hour; answers it, this once. Only for those
    /// who manage every user: whoever holds it becomes that user. A repeated `idempotency_key` answers the end of the
    /// first one again, without its token.
    ///
    /// # Errors
    /// Denied; not found; rejected (`idempotencyKey`); unavailable.
    pub async fn create_password_reset(
        &self,
        actor: &Actor,
        id: &PublicId,
        idempotency_key: Option<&str>,
    ) -> Result<(Option<String>, Timestamp), FleetError> {
        allow(actor, Action::ManageUsers, Some(TeamId::NONE))?;
        let ids = std::slice::from_ref(id);
        let found = users::by_public_ids(self.store.reader(), &Scope::system(), ids).await?.pop();
        let enabled = found.filter(|found| found.user.disabled_at.is_none());
        let user = enabled.ok_or(FleetError::NotFound("user"))?.user;
        let (text, now) = (new_secret(), self.clock.now());
        let expires_at = now.plus(RESET_LIFE);
        let row = ActiveModel {
            id: NotSet,
            user_id: Set(user.id),
            email: Set(user.email),
            token_hash: Set(self.keys.hash(&text).to_vec()),
            created_at: Set(now),
            expires_at: Set(expires_at),
        };
        let input = json!([id]).to_string().into_bytes();
        let request = Keyed { operation: "createPasswordReset", key: idempotency_key, input };
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, &request).await? {
            return Ok((None, ended_at(&first)?));
        }
        password_resets::insert(&tx, row).await?;
        let activity = NewActivity {
            kind: "password.reset_created",
            team: None,
            subject: Some(&user.public_id),
            details: json!({ "expires_at": expires_at }),
        };
        self.record_activity(&tx, actor, activity).await?;
        self.remember(&tx, actor, &request, &known_by_end(expires_at)).await?;
        tx.commit().await?;
        Ok((Some(text), expires_at))
    }

    /// Sets a new password with the token of a reset. Every session of the user ends, and every reset.
    ///
    /// # Errors
    /// Rejected (`token`, `newPassword`); rate limited as a sign-in; unavailable.
    pub async fn reset_password(&self, token: &str, new: &str, visit: &Visit) -> Result<(), FleetError> {
        let attempt = Attempt::new(self.keys.hash("password reset"), visit.source);
        self.check_attempt(&attempt).await?;
        let Some(found) = self.user_of_reset(token).await? else {
            self.record_failed_login(None, &attempt, visit.source).await?;
            return Err(wrong_reset());
        };
        check_password(new, &found.user.email, "newPassword")?;
        let hash = self.passwords.slot().await?.hash(new.to_owned()).await?;
        let tx = self.store.begin().await?;
        let new =
            NewPassword { found: &found, hash, keep: None, revoke_tokens: false, kind: "password.reset" };
        let actor = Actor::User(super::actor_of(found.clone(), Credential::Session(SessionId::default())));
        self.set_password(tx, &actor.from_source(visit.source), new).await
    }

    /// The user that the token is for, if it is one, in time, unused, and the user has the e-mail it was made for.
    async fn user_of_reset(&self, token: &str) -> Result<Option<Found>, FleetError> {
        if !is_secret_form(token) {
            return Ok(None);
        }
        let (db, scope) = (self.store.reader(), Scope::system());
        let reset = password_resets::by_hash(db, &scope, &self.keys.hash(token)).await?;
        let in_time = reset.filter(|reset| reset.expires_at > self.clock.now());
        let Some(reset) = in_time else { return Ok(None) };
        let found = users::by_ids(db, &scope, &[reset.user_id]).await?.pop();
        Ok(found.filter(|found| found.user.disabled_at.is_none() && found.user.email == reset.email))
    }

    /// Stores the new password as the last thing of `tx`, ends what ends with the old one, and tells every server.
    async fn set_password(
        &self,
        tx: DatabaseTransaction,
        actor: &Actor,
        new: NewPassword<'_>,
    ) -> Result<(), FleetError> {
        let NewPassword { found, hash, keep, revoke_tokens, kind } = new;
        let (user, now): (UserId, _) = (found.user.id, self.clock.now());
        if !users::replace_password_hash(&tx, user, &found.user.password_hash, &hash).await? {
            let message = "the password was changed at the same time";
            return Err(FleetError::rejected(RejectionCode::VersionConflict, "newPassword", message));
        }
        let resets = password_resets::delete_of_user(&tx, user).await?;
        if kind == "password.reset" && resets == 0 {
            return Err(wrong_reset());
        }
        let ended = sessions::end_of_user(&tx, user, keep, now).await?;
        let revoked = if revoke_tokens { api_tokens::revoke_of_user(&tx, user, now).await? } else { 0 };
        let activity = NewActivity {
            kind,
            team: None,
            subject: Some(&found.user.public_id),
            details: json!({ "sessions_ended": ended, "tokens_revoked": revoked }),
        };
        self.record_activity(&tx, actor, activity).await?;
        changes::record(&tx, &[(ChangeKind::User, user.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(())
    }
}

/// What a repeated key answers: a reset goes with its use, and its end is all that may be told again.
fn known_by_end(expires_at: Timestamp) -> PublicId {
    PublicId(format!("rst_{}", expires_at.0))
}

fn ended_at(known: &PublicId) -> Result<Timestamp, FleetError> {
    let end = known.0.strip_prefix("rst_").and_then(|end| end.parse().ok());
    end.map(Timestamp).ok_or_else(|| StoreError::Corrupt("an idempotency key of no reset".to_owned()).into())
}

fn wrong_reset() -> FleetError {
    let message = "the token is wrong, used, or over";
    FleetError::rejected(RejectionCode::InvalidCredentials, "token", message)
}
