//! Who asks: from an `Authorization` value or a cookie to an actor, and whether that still holds.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::cookie::{PREFLIGHT_HEADER, SessionCookie};
use super::negotiate::check_origin;
use super::refusal::Refusal;
use super::socket::is_upgrade;
use crate::clock::{Clock, Timestamp};
use crate::fleet::sessions::Authentication;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Actor;

/// How long the check of a credential may take; it is in memory, unless it is new here.
const CHECK: Duration = Duration::from_secs(5);

/// How long a look at a known credential may take; the next one comes soon.
const LOOK: Duration = Duration::from_secs(1);

/// A credential as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An access token or API token.
    Bearer(String),
    /// What a session cookie holds.
    Cookie(String),
}

/// Asks about a credential.
type Authenticate = dyn Fn(Shown) -> BoxFuture<'static, Result<Authentication, FleetError>> + Send + Sync;
/// Asks whether an actor is still the same.
type Refresh = dyn Fn(Actor) -> BoxFuture<'static, Result<Option<Actor>, FleetError>> + Send + Sync;

/// The two questions about credentials, as functions: the transports need nothing else of the core.
#[derive(Clone)]
pub struct Identity {
    authenticate: Arc<Authenticate>,
    refresh: Arc<Refresh>,
    clock: Clock,
}

/// An actor as it was when its credential was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who it is.
    pub actor: Actor,
    /// When the credential ends by itself.
    pub until: Option<Timestamp>,
}

impl Identity {
    /// The fleet's answers.
    #[must_use]
    pub fn of_fleet(fleet: &Fleet) -> Self {
        let (asked, refreshed) = (fleet.clone(), fleet.clone());
        Self::new(
            move |shown| {
                let fleet = asked.clone();
                async move {
                    match shown {
                        Shown::Bearer(token) => fleet.authenticate(&token).await,
                        Shown::Cookie(cookie) => fleet.authenticate_cookie(&cookie).await,
                    }
                }
                .boxed()
            },
            move |actor| {
                let fleet = refreshed.clone();
                async move { fleet.refresh_actor(&actor).await }.boxed()
            },
            fleet.clock.clone(),
        )
    }

    /// These answers.
    #[must_use]
    pub fn new(
        authenticate: impl Fn(Shown) -> BoxFuture<'static, Result<Authentication, FleetError>>
        + Send
        + Sync
        + 'static,
        refresh: impl Fn(Actor) -> BoxFuture<'static, Result<Option<Actor>, FleetError>> + Send + Sync + 'static,
        clock: Clock,
    ) -> Self {
        Self { authenticate: Arc::new(authenticate), refresh: Arc::new(refresh), clock }
    }

    /// Who sent a request: by its `Authorization`, else by its session cookie, else anonymous; never for a bad
    /// credential. A cookie comes with whatever a page asks, so with one the request must show that it is no page of
    /// another site: by the header that such a page can't add, or, to open a socket, by its origin.
    ///
    /// # Errors
    /// 401 for a credential that does not hold; 403 for a cookie without that proof; 503 when it could not be found out.
    pub async fn of_request(&self, parts: &Parts, allowed_origins: &[String]) -> Result<Known, Refusal> {
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            return self.of_value(value.to_str().unwrap_or_default()).await;
        }
        let cookie = SessionCookie::of(&parts.extensions).read(&parts.headers);
        let Some(cookie) = cookie else { return Ok(Known { actor: Actor::Anonymous, until: None }) };
        check_same_site(parts, allowed_origins)?;
        self.of_shown(Shown::Cookie(cookie)).await
    }

    /// Who a value `Bearer TOKEN` stands for.
    ///
    /// # Errors
    /// 401 for a credential that does not hold; 503 when that could not be found out.
    pub async fn of_value(&self, authorization: &str) -> Result<Known, Refusal> {
        let (scheme, token) = authorization.trim().split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::unauthenticated());
        }
        self.of_shown(Shown::Bearer(token.trim().to_owned())).await
    }

    async fn of_shown(&self, shown: Shown) -> Result<Known, Refusal> {
        match timeout(CHECK, (self.authenticate)(shown)).await {
            Ok(Ok(Authentication::Known(actor, until))) => Ok(Known { actor, until }),
            Ok(Ok(Authentication::Refused)) => Err(Refusal::unauthenticated()),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a credential could not be checked");
                Err(Refusal::unavailable())
            }
            Err(_elapsed) => {
                tracing::warn!("a credential could not be checked in time");
                Err(Refusal::unavailable())
            }
        }
    }

    /// Whether nothing changed: the credential has not ended and the roles are the same. When that can't be found
    /// out, nothing is said against it, but for its end by the clock.
    pub async fn still_holds(&self, known: &Known) -> bool {
        if known.until.is_some_and(|until| until <= self.clock.now()) {
            return false;
        }
        if known.actor == Actor::Anonymous {
            return true;
        }
        match timeout(LOOK, (self.refresh)(known.actor.clone())).await {
            Ok(Ok(actor)) => actor.as_ref() == Some(&known.actor),
            Ok(Err(_)) | Err(_) => true,
        }
    }
}

/// Refuses a request with a cookie that a page of another site may have made.
fn check_same_site(parts: &Parts, allowed_origins: &[String]) -> Result<(), Refusal> {
    let forbidden = |message| Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message);
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    check_origin(&parts.headers, host.or(parts.uri.host()), allowed_origins)?;
    if is_upgrade(parts) {
        let has_origin = parts.headers.contains_key(header::ORIGIN);
        return if has_origin { Ok(()) } else { Err(forbidden("with a cookie, a socket needs an Origin")) };
    }
    if parts.headers.contains_key(PREFLIGHT_HEADER) {
        return Ok(());
    }
    Err(forbidden("with a cookie, a request needs the header GraphQL-Preflight, with any value"))
}
