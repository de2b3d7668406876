//! One socket of `graphql-transport-ws` with one subscription.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::endpoint::{Endpoint, Stream};
use super::events::{Batch, DOCUMENT};
use super::{Client, ClientError, messages, refusal};
use crate::config::Secret;

/// A server pings every 12 s; one that is silent this long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// The largest message that is read, in bytes.
const MAX_MESSAGE: usize = 64 << 20;

/// A socket that brings the batches of one campaign.
pub(super) struct Socket {
    server: String,
    /// What it was opened with.
    bearer: Option<Secret>,
    stream: WebSocketStream<Stream>,
}

/// Why a socket did not bring the next batch.
pub(super) enum Trouble {
    /// It may go on over another socket.
    Dropped(String),
    /// The access token that was used is over.
    Stale(Option<Secret>),
    /// It may not.
    Fatal(ClientError),
}

impl Socket {
    /// Opens a socket and subscribes; what the server sends first is read with everything else.
    pub(super) async fn open(client: &Client, campaign: &str, after: Option<&str>) -> Result<Self, Trouble> {
        let opening = async {
            let bearer = client.credential.bearer().await;
            let stream = connect(&client.endpoint).await?;
            let mut socket = Self { server: client.endpoint.to_string(), bearer, stream };
            let authorization = socket.bearer.as_ref().map(|bearer| format!("Bearer {}", bearer.reveal()));
            let init = json!({ "type": "connection_init", "payload": { "authorization": authorization } });
            socket.send(&init).await?;
            while !socket.text().await?.contains("connection_ack") {}
            let payload = json!({ "query": DOCUMENT, "variables": { "campaign": campaign, "after": after } });
            socket.send(&json!({ "type": "subscribe", "id": "1", "payload": payload })).await?;
            Ok(socket)
        };
        timeout(SILENCE, opening).await.unwrap_or_else(|_| Err(dropped("it does not answer")))
    }

    /// The next batch.
    pub(super) async fn batch(&mut self) -> Result<Batch, Trouble> {
        loop {
            let text = self.text().await?;
            if let Some(batch) = self.read(&text)? {
                return Ok(batch);
            }
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), Trouble> {
        self.stream.send(Message::text(message.to_string())).await.map_err(dropped)
    }

    /// The next message that is a text; pings on the way show that the server lives.
    async fn text(&mut self) -> Result<Utf8Bytes, Trouble> {
        loop {
            let message = timeout(SILENCE, self.stream.next()).await;
            match message.map_err(|_| dropped("it fell silent"))? {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => return Err(closed(frame, self.bearer.clone())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(dropped(error)),
                None => return Err(dropped("the socket ended")),
            }
        }
    }

    /// The batch in a message of the server; none when it carries none.
    fn read(&self, text: &str) -> Result<Option<Batch>, Trouble> {
        let foreign = |error: serde_json::Error| {
            Trouble::Fatal(ClientError::Foreign(self.server.clone(), error.to_string()))
        };
        let mut message: Value = serde_json::from_str(text).map_err(foreign)?;
        match message["type"].as_str() {
            Some("next") => {
                if let Some(text) = messages(&message["payload"]["errors"]) {
                    return Err(refused(&message["payload"]["errors"], text));
                }
                let batch = message["payload"]["data"]["campaignEvents"].take();
                serde_json::from_value(batch).map(Some).map_err(foreign)
            }
            Some("error") => {
                let text = messages(&message["payload"]).unwrap_or_else(|| "refused".to_owned());
                Err(refused(&message["payload"], text))
            }
            // Before the final batch it can only be the server's trouble.
            Some("complete") => Err(dropped("the stream ended early")),
            _ => Ok(None),
        }
    }
}

async fn connect(endpoint: &Endpoint) -> Result<WebSocketStream<Stream>, Trouble> {
    let address = endpoint.websocket("/graphql");
    let uri = address.parse().map_err(|_| Trouble::Fatal(ClientError::Address(address)))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws");
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let stream = endpoint.connect().await.map_err(|error| match error {
        ClientError::Unreachable(_, why) => Trouble::Dropped(why),
        error => Trouble::Fatal(error),
    })?;
    let (socket, _) = client_async_with_config(request, stream, Some(limits)).await.map_err(dropped)?;
    Ok(socket)
}

/// What an error of the stream means: trouble that passes, or a refusal.
fn refused(errors: &Value, message: String) -> Trouble {
    if errors[0]["extensions"]["code"].as_str().is_some_and(passes) {
        return Trouble::Dropped(message);
    }
    Trouble::Fatal(refusal(errors, message))
}

/// Whether an error of this code passes by itself.
pub(super) fn passes(code: &str) -> bool {
    matches!(code, "SERVICE_UNAVAILABLE" | "TIMEOUT" | "INTERNAL_SERVER_ERROR" | "RATE_LIMITED")
}

/// What a close means to a client that showed `bearer`: 4400 to 4499 are the protocol's refusals, and of them 4403
/// says that the credential does not hold, or does not any more.
fn closed(frame: Option<CloseFrame>, bearer: Option<Secret>) -> Trouble {
    match frame {
        Some(frame) if u16::from(frame.code) == 4403 => Trouble::Stale(bearer),
        Some(frame) if (4400..=4499).contains(&u16::from(frame.code)) => {
            let message = format!("the server closed the stream: {}", frame.reason);
            Trouble::Fatal(ClientError::Refused { code: frame.code.to_string(), message })
        }
        Some(frame) if !frame.reason.is_empty() => dropped(frame.reason),
        _ => dropped("the server closed the stream"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn dropped(why: impl ToString) -> Trouble {
    Trouble::Dropped(why.to_string())
}
