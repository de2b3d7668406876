//! Sessions: signing in, staying signed in, signing out, and who a credential stands for.

use std::net::IpAddr;
use std::sync::Arc;

use entity::id::UserId;
use entity::{api_tokens as token_row, sessions as session_row};

use self::cache::{CredentialId, Live, Presented};
use super::users::{User, actor_of};
use super::{Fleet, FleetError};
use crate::auth::api_token::is_api_token_form;
use crate::auth::keys::is_secret_form;
use crate::clock::Timestamp;
use crate::policy::{Actor, Credential, Scope, TokenActor, UserActor};
use crate::store::{api_tokens, sessions, users};

mod cache;
mod keys;
mod limits;
mod manage;
mod passwords;
mod setup;
mod sign_in;
#[cfg(test)]
mod tests;

pub use cache::SessionCache;
pub use keys::{SigningKey, SigningKeys};
pub use manage::Session;
pub use setup::FirstAdmin;

pub(super) use limits::WINDOW as LOGIN_WINDOW;
pub(super) use manage::account_holder;

/// Where somebody signs in from, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Address of the client.
    pub source: IpAddr,
    /// The client's program, as it calls itself.
    pub agent: Option<String>,
    /// A browser's cookie shall carry the session, instead of tokens.
    pub by_cookie: bool,
}

impl From<IpAddr> for Visit {
    fn from(source: IpAddr) -> Self {
        Self { source, agent: None, by_cookie: false }
    }
}

/// What a sign-in or refresh answers.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// JWT with issuer, audience and session id; 15 minutes.
    pub access_token: String,
    /// Single-use token for a refresh, or what the cookie holds; 30 days.
    pub refresh_token: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// Who signed in.
    pub user: User,
}

/// What came with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// The credential stands for this actor, until then if it ends by itself.
    Known(Actor, Option<Timestamp>),
    /// The credential is malformed, wrong, expired, revoked or ended.
    Refused,
}

impl Fleet {
    /// Who the bearer of an access token or API token is. From memory once it is known.
    ///
    /// # Errors
    /// Unavailable: then nothing is said about the credential.
    pub async fn authenticate(&self, bearer: &str) -> Result<Authentication, FleetError> {
        let known = if is_api_token_form(bearer) {
            self.by_api_token(bearer).await?
        } else {
            self.by_access_token(bearer).await?
        };
        Ok(known.map_or(Authentication::Refused, |(actor, ends_at)| {
            Authentication::Known(Actor::User(actor), Some(ends_at))
        }))
    }

    /// Who the bearer of a session cookie is. From memory once it is known.
    ///
    /// # Errors
    /// Unavailable: then nothing is said about the cookie.
    pub async fn authenticate_cookie(&self, cookie: &str) -> Result<Authentication, FleetError> {
        if !is_secret_form(cookie) {
            return Ok(Authentication::Refused);
        }
        let live = self.presented(Presented::Cookie(self.keys.hash(cookie))).await?;
        Ok(live.map_or(Authentication::Refused, |live| {
            Authentication::Known(Actor::User(live.actor.clone()), Some(live.ends_at))
        }))
    }

    /// The same actor with the roles of now; none when the credential was ended. Memory only, unless it was dropped.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn refresh_actor(&self, actor: &Actor) -> Result<Option<Actor>, FleetError> {
        let Actor::User(user) = actor else { return Ok(Some(actor.clone())) };
        if let Some(key) = user.signed_by
            && !self.access_tokens().await?.holds(key, self.clock.now())
        {
            return Ok(None);
        }
        let live = self.live(CredentialId::of(&user.credential)).await?;
        let (source, signed_by) = (user.source, user.signed_by);
        Ok(live.map(|live| Actor::User(UserActor { source, signed_by, ..live.actor.clone() })))
    }

    /// Writes when API tokens were used: requests only note it in memory.
    ///
    /// # Errors
    /// Unavailable; what was noted stays for the next run.
    pub async fn flush_token_uses(&self) -> Result<(), FleetError> {
        let uses = self.sessions.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        // In id order, so that two servers never wait for each other.
        let mut ordered: Vec<_> = uses.iter().map(|(id, time)| (*id, *time)).collect();
        ordered.sort_unstable();
        let written = async {
            let tx = self.store.begin().await?;
            for (id, time) in ordered {
                api_tokens::mark_used(&tx, id, time).await?;
            }
            Ok(tx.commit().await?)
        };
        let written: Result<(), FleetError> = written.await;
        if written.is_err() {
            self.sessions.put_back_uses(uses);
        }
        written
    }

    async fn by_access_token(&self, bearer: &str) -> Result<Option<(UserActor, Timestamp)>, FleetError> {
        let (tokens, now) = (self.access_tokens().await?, self.clock.now());
        let Some(claims) = tokens.verify(bearer, now) else { return Ok(None) };
        let live = self.presented(Presented::Session(claims.session)).await?;
        let live = live.filter(|live| live.actor.public_id == claims.user);
        // Whoever stole a key may write any end into a token: what is opened with one lasts no longer than ours do.
        let ends_at = claims.expires_at.min(now.plus(self.settings.access_token_ttl));
        let signed_by = Some(claims.key);
        Ok(live.map(|live| (UserActor { signed_by, ..live.actor.clone() }, ends_at.min(live.ends_at))))
    }

    async fn by_api_token(&self, bearer: &str) -> Result<Option<(UserActor, Timestamp)>, FleetError> {
        let live = self.presented(Presented::ApiToken(self.keys.hash(bearer))).await?;
        let Some(live) = live else { return Ok(None) };
        self.sessions.note_use(&live, self.clock.now());
        Ok(Some((live.actor.clone(), live.ends_at)))
    }

    /// The live credential that was presented.
    async fn presented(&self, presented: Presented) -> Result<Option<Arc<Live>>, FleetError> {
        if let Some(id) = self.sessions.name(&presented) {
            return self.live(id).await;
        }
        let (db, scope) = (self.store.reader(), Scope::system());
        let id = match &presented {
            Presented::Session(id) => {
                let session = sessions::by_public_id(db, &scope, id).await?;
                session.filter(|row| !row.by_cookie).map(|session| CredentialId::Session(session.id))
            }
            Presented::Cookie(hash) => {
                let session = sessions::by_cookie_hash(db, &scope, hash).await?;
                session.map(|session| CredentialId::Session(session.id))
            }
            Presented::ApiToken(hash) => {
                let token = api_tokens::by_hash(db, &scope, hash).await?;
                token.map(|token| CredentialId::ApiToken(token.id))
            }
        };
        let Some(id) = id else { return Ok(None) };
        self.sessions.keep_name(presented, id);
        self.live(id).await
    }

    /// The credential, unless it was ended, revoked, is over, or its user is disabled.
    async fn live(&self, id: CredentialId) -> Result<Option<Arc<Live>>, FleetError> {
        if let Some(live) = self.sessions.get(id, self.clock.now()) {
            return Ok(Some(live));
        }
        let generation = self.sessions.generation();
        let Some(live) = self.read(id).await? else { return Ok(None) };
        let live = Arc::new(live);
        self.sessions.keep(generation, &live);
        Ok(Some(live))
    }

    async fn read(&self, id: CredentialId) -> Result<Option<Live>, FleetError> {
        let (db, scope) = (self.store.reader(), Scope::system());
        let now = self.clock.now();
        let in_force = match id {
            CredentialId::Session(id) => {
                sessions::by_id(db, &scope, id).await?.and_then(|row| of_session(&row))
            }
            CredentialId::ApiToken(id) => api_tokens::by_id(db, &scope, id).await?.and_then(of_token),
        };
        let Some((user, credential, ends_at)) = in_force.filter(|(.., ends_at)| *ends_at > now) else {
            return Ok(None);
        };
        let found = users::by_ids(db, &scope, &[user]).await?.pop();
        let enabled = found.filter(|found| found.user.disabled_at.is_none());
        Ok(enabled.map(|found| Live::new(actor_of(found, credential), ends_at)))
    }
}

/// User, credential and end of a session; none when it was ended.
fn of_session(row: &session_row::Model) -> Option<(UserId, Credential, Timestamp)> {
    let credential = Credential::Session(row.id);
    row.ended_at.is_none().then_some((row.user_id, credential, row.expires_at))
}

/// User, credential and end of an API token; none when it was revoked.
fn of_token(row: token_row::Model) -> Option<(UserId, Credential, Timestamp)> {
    let (user, revoked_at, expires_at) = (row.user_id, row.revoked_at, row.expires_at);
    let token_row::Model { id, public_id, name, scope, team_id: team, .. } = row;
    let credential = Credential::ApiToken(Box::new(TokenActor { id, public_id, name, scope, team }));
    revoked_at.is_none().then_some((user, credential, expires_at))
}
