//! What a resolver answers when it can't: the outside form of [`FleetError`].

use std::error::Error;

use async_graphql::ErrorExtensions;

use crate::fleet::FleetError;
use crate::policy::Denied;

/// What resolvers return.
pub type Result<T> = std::result::Result<T, Failure>;

/// A GraphQL error with its `extensions.code`, fit to be shown: the causes of faults are masked.
///
/// It is made from a [`FleetError`] only, so that no other error's text can slip out by `?`.
#[derive(Clone, Debug)]
pub struct Failure(async_graphql::Error);

impl Failure {
    /// An argument is not acceptable.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::with_code("BAD_USER_INPUT", message)
    }

    fn with_code(code: &'static str, message: impl Into<String>) -> Self {
        Self(async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", code)))
    }

    /// A fault of ours or of what we depend on: the log gets the cause, the caller does not.
    fn masked(code: &'static str, error: &FleetError) -> Self {
        let cause = error.source().unwrap_or(error as &dyn Error).to_string();
        tracing::error!(code, cause, "a resolver failed");
        Self::with_code(code, error.to_string())
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl From<FleetError> for Failure {
    fn from(error: FleetError) -> Self {
        let code = match &error {
            FleetError::Denied(Denied::Unauthenticated) => "UNAUTHENTICATED",
            FleetError::Denied(Denied::Forbidden) => "FORBIDDEN",
            FleetError::NotFound(_) => "NOT_FOUND",
            FleetError::Rejected(_) | FleetError::InvalidCursor => "BAD_USER_INPUT",
            FleetError::CursorExpired => "CURSOR_EXPIRED",
            FleetError::RateLimited(seconds) => return rate_limited(&error, *seconds),
            FleetError::Unavailable(_) => return Self::masked("SERVICE_UNAVAILABLE", &error),
            FleetError::Internal(_) => return Self::masked("INTERNAL_SERVER_ERROR", &error),
        };
        Self::with_code(code, error.to_string())
    }
}

/// Says in `extensions.retryAfter` when to come back, in seconds.
fn rate_limited(error: &FleetError, seconds: u64) -> Failure {
    let Failure(shown) = Failure::with_code("RATE_LIMITED", error.to_string());
    Failure(shown.extend_with(|_, extensions| extensions.set("retryAfter", seconds)))
}
