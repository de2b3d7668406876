//! Sessions: signing in, staying signed in, signing out, and who a credential stands for.

use std::net::IpAddr;

use super::users::User;
use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::Actor;

/// Live sessions and API tokens with their users' roles, in memory; a fill notes the generation before it reads,
/// applying a change moves it, and what was read under an older one is used once and not kept.
pub struct SessionCache {}

/// What a sign-in or refresh answers.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// JWT with issuer, audience and session id; 15 minutes.
    pub access_token: String,
    /// Single-use token for a refresh; 30 days.
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
    /// Signs in with a password. The hash is computed off the async threads, two at once; an unknown e-mail costs
    /// as much as a wrong password.
    ///
    /// # Errors
    /// Rejected with `InvalidCredentials`; rate limited (10 failures in 15 min per account and source, 100 per
    /// source); unavailable.
    pub async fn login(&self, _email: &str, _password: &str, _source: IpAddr) -> Result<SignIn, FleetError> {
        todo!()
    }

    /// Exchanges a refresh token for a new pair; the old one dies, and its reuse ends the session.
    ///
    /// # Errors
    /// Rejected with `InvalidCredentials`; unavailable.
    pub async fn refresh_session(&self, _refresh_token: &str) -> Result<SignIn, FleetError> {
        todo!()
    }

    /// Ends the actor's session on every server; no effect for an API token.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn logout(&self, _actor: &Actor) -> Result<(), FleetError> {
        todo!()
    }

    /// Who the bearer of an access token or API token is. From memory once it is known.
    ///
    /// # Errors
    /// Unavailable: then nothing is said about the credential.
    pub async fn authenticate(&self, _bearer: &str) -> Result<Authentication, FleetError> {
        todo!()
    }

    /// The same actor with the roles of now; none when the credential was ended. Memory only, unless it was dropped.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn refresh_actor(&self, _actor: &Actor) -> Result<Option<Actor>, FleetError> {
        todo!()
    }
}
