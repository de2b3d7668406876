//! Who asks: from an `Authorization` value to an actor, and whether that still holds.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::clock::{Clock, Timestamp};
use crate::fleet::sessions::Authentication;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Actor;

/// How long the check of a credential may take; it is in memory, unless it is new here.
const CHECK: Duration = Duration::from_secs(5);

/// How long a look at a known credential may take; the next one comes soon.
const LOOK: Duration = Duration::from_secs(1);

/// Asks about a bearer token.
type Authenticate = dyn Fn(String) -> BoxFuture<'static, Result<Authentication, FleetError>> + Send + Sync;
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
            move |bearer| {
                let fleet = asked.clone();
                async move { fleet.authenticate(&bearer).await }.boxed()
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
        authenticate: impl Fn(String) -> BoxFuture<'static, Result<Authentication, FleetError>>
        + Send
        + Sync
        + 'static,
        refresh: impl Fn(Actor) -> BoxFuture<'static, Result<Option<Actor>, FleetError>> + Send + Sync + 'static,
        clock: Clock,
    ) -> Self {
        Self { authenticate: Arc::new(authenticate), refresh: Arc::new(refresh), clock }
    }

    /// Who sent a request: anonymous without an `Authorization` header, and never for a bad one.
    ///
    /// # Errors
    /// 401 for a credential that does not hold; 503 when that could not be found out.
    pub async fn of_headers(&self, headers: &HeaderMap) -> Result<Known, Refusal> {
        match headers.get(header::AUTHORIZATION) {
            None => Ok(Known { actor: Actor::Anonymous, until: None }),
            Some(value) => self.of_value(value.to_str().unwrap_or_default()).await,
        }
    }

    /// Who a value `Bearer TOKEN` stands for.
    ///
    /// # Errors
    /// As [`Self::of_headers`].
    pub async fn of_value(&self, authorization: &str) -> Result<Known, Refusal> {
        let (scheme, token) = authorization.trim().split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::unauthenticated());
        }
        match timeout(CHECK, (self.authenticate)(token.trim().to_owned())).await {
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
