//! A campaign followed over `graphql-transport-ws`: when the socket drops, it is opened anew and goes on after the
//! last cursor.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::endpoint::Stream;
use super::{Client, ClientError, first_message};

/// A server pings every 12 s; one that is silent this long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// Pause before the socket is opened anew, doubled at each failure up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// The largest message that is read, in bytes.
const MAX_MESSAGE: usize = 64 << 20;

const DOCUMENT: &str = "\
subscription ($campaign: ID!, $after: String) {
  campaignEvents(campaignId: $campaign, after: $after, maxBatchSize: 1000) {
    endCursor
    isFinal
    totals { targeted responded succeeded failed outstanding rows }
    events {
      __typename
      ... on CampaignHostRows { hostId hostname rows isLastChunk }
      ... on CampaignHostError { hostId hostname code message }
    }
  }
}";

/// What one message of the stream carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Batch {
    /// Events, oldest first.
    pub(in crate::cli) events: Vec<Event>,
    /// Where to go on.
    end_cursor: String,
    /// Newest counters.
    pub(in crate::cli) totals: Totals,
    /// Whether the campaign has ended.
    pub(in crate::cli) is_final: bool,
}

/// Counters of a campaign.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(in crate::cli) struct Totals {
    /// Hosts asked.
    pub(in crate::cli) targeted: u64,
    /// Hosts that answered.
    pub(in crate::cli) responded: u64,
    /// Of them, with rows, perhaps none.
    pub(in crate::cli) succeeded: u64,
    /// Of them, with an error.
    pub(in crate::cli) failed: u64,
    /// Hosts that did not answer yet.
    pub(in crate::cli) outstanding: u64,
    /// Rows kept.
    pub(in crate::cli) rows: u64,
}

/// What happened in a campaign.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename", rename_all_fields = "camelCase")]
pub(in crate::cli) enum Event {
    /// A chunk of rows of one host.
    #[serde(rename = "CampaignHostRows")]
    Rows {
        /// The host's id.
        host_id: String,
        /// The host's name.
        hostname: String,
        /// The rows.
        rows: Vec<Value>,
        /// Whether it is the host's last chunk.
        is_last_chunk: bool,
    },
    /// A host's failure.
    #[serde(rename = "CampaignHostError")]
    Failure {
        /// The host's id.
        host_id: String,
        /// The host's name.
        hostname: String,
        /// Kind of failure.
        code: String,
        /// osquery's words.
        message: String,
    },
    /// Anything else, the end included, which the batch tells too.
    #[serde(other)]
    Other,
}

/// Follows one campaign.
pub(in crate::cli) struct Follower<'a> {
    client: &'a Client,
    campaign: String,
    after: Option<String>,
    socket: Option<WebSocketStream<Stream>>,
    pause: Duration,
}

/// Why a socket did not bring the next batch.
enum Trouble {
    /// It may go on over another socket.
    Dropped,
    /// It may not.
    Fatal(ClientError),
}

impl<'a> Follower<'a> {
    /// Follows `campaign` from its beginning.
    pub(in crate::cli) fn new(client: &'a Client, campaign: String) -> Self {
        Self { client, campaign, after: None, socket: None, pause: PAUSE }
    }

    /// The next batch; waits, and reconnects, for as long as it takes.
    pub(in crate::cli) async fn next(&mut self) -> Result<Batch, ClientError> {
        loop {
            match self.try_next().await {
                Ok(batch) => {
                    self.after = Some(batch.end_cursor.clone());
                    self.pause = PAUSE;
                    return Ok(batch);
                }
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Dropped) => {
                    self.socket = None;
                    sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(MAX_PAUSE);
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Batch, Trouble> {
        if self.socket.is_none() {
            self.socket = Some(open(self.client, &self.campaign, self.after.as_deref()).await?);
        }
        let socket = self.socket.as_mut().ok_or(Trouble::Dropped)?;
        loop {
            let message = timeout(SILENCE, socket.next()).await.map_err(|_| Trouble::Dropped)?;
            match message {
                Some(Ok(Message::Text(text))) => {
                    if let Some(batch) = read(self.client, text.as_str())? {
                        return Ok(batch);
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(closed(frame));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Trouble::Dropped),
            }
        }
    }
}

/// Opens a socket and subscribes; what the server sends first is read with everything else.
async fn open(
    client: &Client,
    campaign: &str,
    after: Option<&str>,
) -> Result<WebSocketStream<Stream>, Trouble> {
    let address = client.endpoint.websocket("/graphql");
    let uri = address.parse().map_err(|_| Trouble::Fatal(ClientError::Address(address)))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("graphql-transport-ws");
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let opening = async {
        let stream = client.endpoint.connect().await.map_err(|_| Trouble::Dropped)?;
        let opened = client_async_with_config(request, stream, Some(limits)).await;
        let (mut socket, _) = opened.map_err(|_| Trouble::Dropped)?;
        let init = json!({ "type": "connection_init", "payload": { "authorization": client.bearer() } });
        send(&mut socket, &init).await?;
        await_ack(&mut socket).await?;
        let payload = json!({ "query": DOCUMENT, "variables": { "campaign": campaign, "after": after } });
        send(&mut socket, &json!({ "type": "subscribe", "id": "1", "payload": payload })).await?;
        Ok(socket)
    };
    timeout(SILENCE, opening).await.unwrap_or(Err(Trouble::Dropped))
}

async fn send(socket: &mut WebSocketStream<Stream>, message: &Value) -> Result<(), Trouble> {
    socket.send(Message::text(message.to_string())).await.map_err(|_| Trouble::Dropped)
}

async fn await_ack(socket: &mut WebSocketStream<Stream>) -> Result<(), Trouble> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("connection_ack") => return Ok(()),
            Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(Trouble::Dropped),
        }
    }
}

/// The batch in a message of the server; none when it carries none.
fn read(client: &Client, text: &str) -> Result<Option<Batch>, Trouble> {
    let foreign = |error: serde_json::Error| Trouble::Fatal(client.foreign(error.to_string()));
    let mut message: Value = serde_json::from_str(text).map_err(foreign)?;
    match message["type"].as_str() {
        Some("next") => {
            if let Some(refusal) = first_message(&message["payload"]["errors"]) {
                return Err(refused(&message["payload"]["errors"], refusal));
            }
            let batch = message["payload"]["data"]["campaignEvents"].take();
            serde_json::from_value(batch).map(Some).map_err(foreign)
        }
        Some("error") => {
            let refusal = first_message(&message["payload"]).unwrap_or_else(|| "refused".to_owned());
            Err(refused(&message["payload"], refusal))
        }
        // Before the final batch it can only be the server's trouble.
        Some("complete") => Err(Trouble::Dropped),
        _ => Ok(None),
    }
}

/// What an error of the stream means: trouble that passes, or a refusal.
fn refused(errors: &Value, message: String) -> Trouble {
    match errors[0]["extensions"]["code"].as_str() {
        Some("SERVICE_UNAVAILABLE" | "TIMEOUT" | "INTERNAL_SERVER_ERROR" | "RATE_LIMITED") => {
            Trouble::Dropped
        }
        _ => Trouble::Fatal(ClientError::Refused(message)),
    }
}

/// What a close means: 4400 to 4499 are the protocol's refusals.
fn closed(frame: Option<CloseFrame>) -> Trouble {
    match frame {
        Some(frame) if (4400..=4499).contains(&u16::from(frame.code)) => {
            Trouble::Fatal(ClientError::Refused(format!("the server closed the stream: {}", frame.reason)))
        }
        _ => Trouble::Dropped,
    }
}
