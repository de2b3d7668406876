//! What an agent is answered: always one compact JSON object, whatever the status.
//!
//! The agent ignores the status; it is for proxies and people. A member `error` makes it try again, so success never
//! has one; `node_invalid` makes it enroll again, so an outage never says it.

use std::borrow::Cow;

use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use crate::fleet::FleetError;

/// Why an agent gets no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The node key is unknown to the store, or can't be ours: the agent enrolls again.
    NodeInvalid,
    /// The enroll secret is wrong.
    WrongSecret,
    /// Too many enrollments; later again.
    TooOften,
    /// No such path.
    NotFound,
    /// Not by this method.
    MethodNotAllowed,
    /// The request can't be read; the text says what of it.
    Malformed(&'static str),
    /// The body is over the limit of its endpoint.
    TooLarge,
    /// A content encoding other than gzip.
    UnknownEncoding,
    /// The body did not arrive in time; the connection is closed.
    TooSlow,
    /// The bodies of all requests fill the memory set aside for them.
    Busy,
    /// The database could not be asked, or did not answer in time.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NodeInvalid | Self::WrongSecret => StatusCode::UNAUTHORIZED,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(&self) -> Bytes {
        let error = match self {
            Self::NodeInvalid => return Bytes::from_static(br#"{"node_invalid":true}"#),
            Self::WrongSecret => {
                return Bytes::from_static(br#"{"node_invalid":true,"error":"invalid enroll secret"}"#);
            }
            Self::Malformed(what) => Cow::Owned(format!("the request can't be read: {what}")),
            Self::TooOften => "too many enrollments; try again later".into(),
            Self::NotFound => "not found".into(),
            Self::MethodNotAllowed => "method not allowed".into(),
            Self::TooLarge => "the body is too large".into(),
            Self::UnknownEncoding => "the content encoding is not supported".into(),
            Self::TooSlow => "the body did not arrive in time".into(),
            Self::Busy => "the server is busy; try again later".into(),
            Self::Unavailable => "the service is not available now".into(),
            Self::Internal => "internal error".into(),
        };
        json!({ "error": error }).to_string().into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = object(self.body());
        *response.status_mut() = self.status();
        if self == Self::TooSlow {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<FleetError> for Refusal {
    fn from(error: FleetError) -> Self {
        match error {
            // Who asked has told of it.
            FleetError::Unavailable(_) => Self::Unavailable,
            FleetError::RateLimited(_) => Self::TooOften,
            error @ (FleetError::Denied(_)
            | FleetError::NotFound(_)
            | FleetError::Rejected(_)
            | FleetError::InvalidCursor
            | FleetError::CursorExpired
            | FleetError::Internal(_)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an agent could not be answered");
                Self::Internal
            }
        }
    }
}

/// Success with nothing to say.
pub(super) fn done() -> Response {
    object(Bytes::from_static(b"{}"))
}

/// Success: a JSON object without a member `error`.
pub(super) fn object(json: Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}
