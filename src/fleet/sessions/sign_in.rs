//! Signing in, staying signed in, signing out.

use std::net::IpAddr;
use std::sync::Arc;

use entity::kind::ChangeKind;
use entity::sessions::{ActiveModel, Model};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::limits::Attempt;
use super::manage::account_holder;
use super::{SignIn, Visit};
use crate::auth::keys::{is_secret_form, new_public_id, new_secret};
use crate::auth::{PasswordError, Verdict};
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::users::{User, actor_of, own_user};
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Actor, Credential, Denied, Scope};
use crate::store::users::Found;
use crate::store::{changes, sessions, users};

/// Characters kept of what a client calls itself.
const MAX_AGENT_CHARS: usize = 255;

impl Fleet {
    /// Signs in with a password. The hash is computed off the async threads, two at once; an unknown e-mail costs
    /// as much as a wrong password.
    ///
    /// # Errors
    /// Rejected with `InvalidCredentials`; rate limited (10 failures in 15 min per account and source, 100 per
    /// source); unavailable.
    pub async fn login(
        &self,
        email: &str,
        password: &str,
        visit: impl Into<Visit>,
    ) -> Result<SignIn, FleetError> {
        let visit = visit.into();
        let email = input::email(email).unwrap_or_default();
        let attempt = Attempt::new(self.keys.hash(&email), visit.source);
        self.check_attempt(&attempt).await?;
        let slot = self.passwords.slot().await?;
        // Those that were in the queue before may have failed meanwhile.
        self.check_attempt(&attempt).await?;
        let found = users::by_email(self.store.reader(), &Scope::system(), &email).await?;
        let stored = found.as_ref().map(|found| found.user.password_hash.clone());
        let (verdict, slot) = slot.check(password.to_owned(), stored).await?;
        let rehashed = match verdict {
            Verdict::Wrong => None,
            Verdict::Right => Some(None),
            Verdict::RightRehashed(hash) => Some(Some(hash)),
        };
        let enabled = found.as_ref().filter(|found| found.user.disabled_at.is_none());
        if let (Some(found), Some(rehashed)) = (enabled, rehashed) {
            return self.start_session(found.clone(), rehashed, &attempt, &visit).await;
        }
        self.record_failed_login(found.as_ref(), &attempt, visit.source).await?;
        drop(slot);
        Err(wrong_password())
    }

    /// Moves the end of the session that the actor's cookie carries to a whole life from now.
    ///
    /// # Errors
    /// Rejected with `InvalidCredentials` when no cookie carries the actor's session; denied; unavailable.
    pub async fn extend_session(&self, actor: &Actor) -> Result<(User, Timestamp), FleetError> {
        let user = account_holder(actor)?;
        let Credential::Session(id) = user.credential else { return Err(wrong_refresh_token()) };
        let now = self.clock.now();
        let expires_at = now.plus(self.settings.refresh_token_ttl);
        let tx = self.store.begin().await?;
        let found = users::by_ids(&tx, &Scope::system(), &[user.id]).await?.pop();
        let found = found.ok_or_else(wrong_refresh_token)?;
        if !sessions::extend(&tx, id, now, expires_at).await? {
            return Err(wrong_refresh_token());
        }
        changes::record(&tx, &[(ChangeKind::Session, id.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok((own_user(found), expires_at))
    }

    /// Exchanges a refresh token for a new pair; the old one dies, and its reuse ends the session.
    ///
    /// # Errors
    /// Rejected with `InvalidCredentials`; unavailable.
    pub async fn refresh_session(&self, refresh_token: &str) -> Result<SignIn, FleetError> {
        if !is_secret_form(refresh_token) {
            return Err(wrong_refresh_token());
        }
        let hash = self.keys.hash(refresh_token);
        let tx = self.store.begin().await?;
        let session = sessions::by_refresh_hash(&tx, &Scope::system(), &hash).await?;
        let now = self.clock.now();
        let in_force = session.filter(|row| row.ended_at.is_none() && row.expires_at > now);
        let session = in_force.ok_or_else(wrong_refresh_token)?;
        let found = users::by_ids(&tx, &Scope::system(), &[session.user_id]).await?.pop();
        let enabled = found.filter(|found| found.user.disabled_at.is_none());
        let found = enabled.ok_or_else(wrong_refresh_token)?;

        let fresh = new_secret();
        let expires_at = now.plus(self.settings.refresh_token_ttl);
        let in_time = session.refresh_hash == hash
            && sessions::rotate(&tx, &session, &self.keys.hash(&fresh), now, expires_at).await?;
        if !in_time {
            // Two hold a copy of this token, and one of them may be a thief.
            self.end_session(tx, &Actor::System, &session, "refresh_token_reused").await?;
            return Err(wrong_refresh_token());
        }
        tx.commit().await?;
        self.signed_in(found, &session, fresh).await
    }

    /// Ends the actor's session on every server; no effect for an API token.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn logout(&self, actor: &Actor) -> Result<(), FleetError> {
        let user = match actor {
            Actor::User(user) => user,
            Actor::Anonymous => return Err(Denied::Unauthenticated.into()),
            Actor::Host(_) => return Err(Denied::Forbidden.into()),
            Actor::System => return Ok(()),
        };
        let Credential::Session(id) = user.credential else { return Ok(()) };
        let tx = self.store.begin().await?;
        match sessions::by_id(&tx, &Scope::system(), id).await? {
            Some(session) => self.end_session(tx, actor, &session, "logout").await,
            None => Ok(()),
        }
    }

    /// Starts a session; `rehashed` replaces the stored hash of the password.
    pub(super) async fn start_session(
        &self,
        found: Found,
        rehashed: Option<String>,
        attempt: &Attempt,
        visit: &Visit,
    ) -> Result<SignIn, FleetError> {
        let refresh_token = new_secret();
        let tx = self.store.begin().await?;
        self.forgive(&tx, attempt).await?;
        if let Some(hash) = rehashed {
            users::replace_password_hash(&tx, found.user.id, &found.user.password_hash, &hash).await?;
        }
        let session = sessions::insert(&tx, self.new_session(&found, &refresh_token, visit)).await?;
        let actor = Actor::User(actor_of(found.clone(), Credential::Session(session.id)));
        let activity = NewActivity {
            kind: "session.started",
            team: None,
            subject: Some(&session.public_id),
            details: json!({ "by_cookie": visit.by_cookie }),
        };
        self.record_activity(&tx, &actor.from_source(visit.source), activity).await?;
        tx.commit().await?;
        self.signed_in(found, &session, refresh_token).await
    }

    fn new_session(&self, found: &Found, refresh_token: &str, visit: &Visit) -> ActiveModel {
        let now = self.clock.now();
        let agent = visit.agent.as_ref().map(|agent| agent.chars().take(MAX_AGENT_CHARS).collect());
        ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("ses")),
            user_id: Set(found.user.id),
            refresh_hash: Set(self.keys.hash(refresh_token).to_vec()),
            previous_refresh_hash: Set(None),
            created_at: Set(now),
            refreshed_at: Set(now),
            expires_at: Set(now.plus(self.settings.refresh_token_ttl)),
            ended_at: Set(None),
            source: Set(Some(visit.source.to_canonical().to_string())),
            agent: Set(agent),
            by_cookie: Set(visit.by_cookie),
        }
    }

    async fn signed_in(
        &self,
        found: Found,
        session: &Model,
        refresh_token: String,
    ) -> Result<SignIn, FleetError> {
        let (now, ttl) = (self.clock.now(), self.settings.access_token_ttl);
        let tokens = self.access_tokens().await?;
        let (access_token, expires_at) = tokens.issue(&found.user.public_id, &session.public_id, now, ttl);
        let expires_at = if session.by_cookie { session.expires_at } else { expires_at };
        Ok(SignIn { access_token, refresh_token, expires_at, user: own_user(found) })
    }

    /// Ends a session as the last thing of `tx`, and tells every server.
    pub(super) async fn end_session(
        &self,
        tx: DatabaseTransaction,
        actor: &Actor,
        session: &Model,
        reason: &'static str,
    ) -> Result<(), FleetError> {
        if !sessions::end(&tx, session.id, self.clock.now()).await? {
            return Ok(());
        }
        let activity = NewActivity {
            kind: "session.ended",
            team: None,
            subject: Some(&session.public_id),
            details: json!({ "reason": reason }),
        };
        self.record_activity(&tx, actor, activity).await?;
        changes::record(&tx, &[(ChangeKind::Session, session.id.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(())
    }

    /// Counts and records a failure; of an unknown e-mail without its text, which may be a password in the wrong field.
    pub(super) async fn record_failed_login(
        &self,
        found: Option<&Found>,
        attempt: &Attempt,
        source: IpAddr,
    ) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        self.count_failure(&tx, attempt).await?;
        let activity = NewActivity {
            kind: "session.failed",
            team: None,
            subject: found.map(|found| &found.user.public_id),
            details: json!({}),
        };
        self.record_activity_from(&tx, &Actor::Anonymous, Some(source), activity).await?;
        Ok(tx.commit().await?)
    }
}

impl From<PasswordError> for FleetError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::RateLimited(1),
            PasswordError::Failed(_) => Self::Internal(Arc::new(error)),
        }
    }
}

fn wrong_password() -> FleetError {
    FleetError::rejected(RejectionCode::InvalidCredentials, "password", "e-mail or password is wrong")
}

fn wrong_refresh_token() -> FleetError {
    let message = "the refresh token is wrong, used, or over";
    FleetError::rejected(RejectionCode::InvalidCredentials, "refreshToken", message)
}
