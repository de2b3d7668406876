//! Requests that are answered before anything is executed.

use std::borrow::Cow;
use std::time::Duration;

use async_graphql::{ParseRequestError, ServerError};
use axum::http::StatusCode;

use super::points::Exhausted;
use crate::graphql::precheck::refusal::refusal;

/// Why a request was not executed: status, `extensions.code` and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status over HTTP.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: Cow<'static, str>,
    /// When to come again, in seconds, where that is known.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with this status and code.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// What is not a GraphQL request: 400.
    #[must_use]
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// A credential that does not hold: 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "the credential is not valid")
    }

    /// What the operation can't be asked by: 405.
    #[must_use]
    pub fn method_not_allowed(message: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// Bodies that are not JSON in UTF-8: 415.
    #[must_use]
    pub fn unsupported_media_type(message: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// A body over its limit: 413.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let message = format!("the body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
    }

    /// What can't be answered now: 503.
    #[must_use]
    pub fn unavailable() -> Self {
        let message = "the service is not available now";
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message);
        Self { retry_after: Some(1), ..refusal }
    }

    /// More at once than one actor may have: 429.
    #[must_use]
    pub fn too_many(limit: usize) -> Self {
        let message = format!("at most {limit} sockets and streams at once");
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
        Self { retry_after: Some(1), ..refusal }
    }

    /// As an error of an answer.
    #[must_use]
    pub fn to_error(&self) -> ServerError {
        let mut error = refusal(self.code, &*self.message, None);
        if let (Some(seconds), Some(extensions)) = (self.retry_after, &mut error.extensions) {
            extensions.set("retryAfter", seconds);
        }
        error
    }
}

impl From<Exhausted> for Refusal {
    /// No points left: 429.
    fn from(exhausted: Exhausted) -> Self {
        let seconds = exhausted.wait.saturating_add(Duration::from_millis(999)).as_secs();
        let message = format!("too much was asked for: try again in {seconds} s");
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
        Self { retry_after: Some(seconds), ..refusal }
    }
}

impl From<ParseRequestError> for Refusal {
    fn from(error: ParseRequestError) -> Self {
        match error {
            ParseRequestError::UnsupportedBatch => Self::bad_request("arrays of operations are not accepted"),
            ParseRequestError::InvalidRequest(_) => {
                Self::bad_request("the body is not a GraphQL request in JSON")
            }
            _ => Self::bad_request("the request can't be read"),
        }
    }
}
