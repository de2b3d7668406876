//! The messages of `graphql-transport-ws`.

use async_graphql::{Request, ServerError};
use axum::extract::ws::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::close::End;
use crate::graphql::transport::encode::{Payload, encode};
use crate::graphql::transport::engine::Outcome;
use crate::graphql::transport::unique::is_unique;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message; may carry a credential.
    ConnectionInit {
        /// `{"authorization": "Bearer TOKEN"}`, the key in any case.
        payload: Option<Map<String, Value>>,
    },
    /// Asks for a `pong`.
    Ping {
        /// Sent back.
        payload: Option<Map<String, Value>>,
    },
    /// Answers nothing; a sign of life.
    Pong {
        /// Ignored.
        #[serde(rename = "payload")]
        _payload: Option<Map<String, Value>>,
    },
    /// Starts an operation.
    Subscribe {
        /// Chosen by the client; not that of a running operation.
        id: String,
        /// The operation.
        payload: Box<Request>,
    },
    /// Ends an operation.
    Complete {
        /// The operation.
        id: String,
    },
}

impl ClientMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// 4400 for what is not of the protocol.
    pub fn parse(text: &str) -> Result<Self, End> {
        let message = Some(text).filter(|text| is_unique(text.as_bytes())).map(serde_json::from_str);
        let message = message.and_then(Result::ok).ok_or(End::bad_message("Invalid message"))?;
        match &message {
            Self::Subscribe { id, payload } if id.is_empty() || payload.query.is_empty() => {
                Err(End::bad_message("Subscribe needs an id and a query"))
            }
            _ => Ok(message),
        }
    }
}

/// The credential in the payload of `connection_init`; none when there is none.
///
/// # Errors
/// 4403 for one that is not text.
pub fn authorization(payload: Option<&Map<String, Value>>) -> Result<Option<&str>, End> {
    let mut entries = payload.into_iter().flatten();
    match entries.find(|(key, _)| key.eq_ignore_ascii_case("authorization")) {
        None | Some((_, Value::Null)) => Ok(None),
        Some((_, Value::String(text))) => Ok(Some(text)),
        Some(_) => Err(End::forbidden()),
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The connection is ready.
    ConnectionAck,
    /// Answers a `ping`.
    Pong {
        /// As it came.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
    /// A result of an operation.
    Next {
        /// The operation.
        id: &'a str,
        /// Data and errors.
        payload: Payload<'a>,
    },
    /// An operation was not started; nothing follows.
    Error {
        /// The operation.
        id: &'a str,
        /// Why.
        payload: &'a [ServerError],
    },
    /// An operation is done.
    Complete {
        /// The operation.
        id: &'a str,
    },
}

impl<'a> ServerMessage<'a> {
    /// An outcome as a message.
    #[must_use]
    pub fn of(id: &'a str, outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Executed(response) => Self::Next { id, payload: Payload::executed(response) },
            Outcome::Refused(errors) => Self::Error { id, payload: errors },
        }
    }

    /// As a text message.
    #[must_use]
    pub fn encode(&self) -> Message {
        // Encoded rows are UTF-8 as well, unless somebody wrote to the database.
        let text = String::from_utf8(encode(self));
        Message::text(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_protocol_is_refused() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"type":"start","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":"no"}}"#,
            r#"{"type":"connection_init","payload":"no"}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(matches!(ClientMessage::parse(bad), Err(End::Close(4400, _))), "{bad}");
        }
    }

    #[test]
    fn the_credential_is_found_by_any_case() {
        let payload = serde_json::json!({ "Authorization": "Bearer a" });
        assert_eq!(authorization(payload.as_object()), Ok(Some("Bearer a")));
        assert_eq!(authorization(None), Ok(None));
        assert_eq!(
            authorization(serde_json::json!({ "authorization": 1 }).as_object()),
            Err(End::forbidden())
        );
    }

    #[test]
    fn messages_have_the_words_of_the_protocol() {
        assert_eq!(ServerMessage::ConnectionAck.encode(), Message::text(r#"{"type":"connection_ack"}"#));
        let complete = ServerMessage::Complete { id: "1" };
        assert_eq!(complete.encode(), Message::text(r#"{"type":"complete","id":"1"}"#));
    }
}
