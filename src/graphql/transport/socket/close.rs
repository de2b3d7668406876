//! Why a socket ends, in the codes of `graphql-transport-ws` and of WebSocket.

use std::borrow::Cow;

use axum::extract::ws::{CloseFrame, Utf8Bytes};
use axum::http::StatusCode;

use crate::graphql::transport::refusal::Refusal;

/// Bytes of a reason; a control frame holds 125, two of them the code.
const MAX_REASON_BYTES: usize = 123;

/// How a socket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The client is gone; nobody hears a goodbye.
    Gone,
    /// The server closes with this code and reason.
    Close(u16, Cow<'static, str>),
}

impl End {
    /// A message that is not of the protocol.
    #[must_use]
    pub fn bad_message(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Close(4400, reason.into())
    }

    /// An operation before the connection was acknowledged.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::Close(4401, "Unauthorized".into())
    }

    /// A credential that does not hold, or does not any more.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::Close(4403, "Forbidden".into())
    }

    /// Another subprotocol, or none.
    #[must_use]
    pub fn subprotocol() -> Self {
        Self::Close(4406, "Subprotocol not acceptable".into())
    }

    /// No `connection_init` in time.
    #[must_use]
    pub fn init_timeout() -> Self {
        Self::Close(4408, "Connection initialisation timeout".into())
    }

    /// An id that is in use.
    #[must_use]
    pub fn duplicate(id: &str) -> Self {
        Self::Close(4409, format!("Subscriber for {id} already exists").into())
    }

    /// A second `connection_init`.
    #[must_use]
    pub fn too_many_inits() -> Self {
        Self::Close(4429, "Too many initialisation requests".into())
    }

    /// A message over its limit.
    #[must_use]
    pub fn too_large() -> Self {
        Self::Close(1009, "Message too large".into())
    }

    /// The server stops.
    #[must_use]
    pub fn restart() -> Self {
        Self::Close(1012, "Service restart".into())
    }

    /// The server, or this client, has too much to do.
    #[must_use]
    pub fn try_again_later(reason: &'static str) -> Self {
        Self::Close(1013, reason.into())
    }

    /// The frame that says so.
    #[must_use]
    pub fn frame(&self) -> Option<CloseFrame> {
        let Self::Close(code, reason) = self else { return None };
        let reason = &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)];
        Some(CloseFrame { code: *code, reason: Utf8Bytes::from(reason) })
    }
}

impl From<&Refusal> for End {
    /// A credential that does not hold is 4403; one that could not be checked, 1013.
    fn from(refusal: &Refusal) -> Self {
        match refusal.status {
            StatusCode::UNAUTHORIZED => Self::forbidden(),
            _ => Self::try_again_later("Try again later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_a_control_frame() {
        let frame = End::duplicate(&"ä".repeat(200)).frame().expect("it closes");
        assert!(frame.reason.len() <= MAX_REASON_BYTES);
        assert_eq!(End::Gone.frame(), None);
    }
}
