//! A viewer of a campaign over a WebSocket, for whom nothing is held back, and who notes whose rows have come.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Outcome;

const EVENTS: &str = "subscription ($id: ID!) { campaignEvents(campaignId: $id, maxDelayMs: 0) {
    isFinal totals { outstanding } events { ... on CampaignHostRows { rows } } } }";

/// A subscription to the events of a campaign.
pub struct Viewer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    is_over: bool,
}

impl Viewer {
    /// Signs in and subscribes.
    pub async fn watch(server: SocketAddr, token: &str, campaign: &str) -> Outcome<Self> {
        let mut request = format!("ws://{server}/graphql").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse()?);
        let (mut socket, _) = connect_async(request).await?;
        let bearer = format!("Bearer {token}");
        let init = json!({ "type": "connection_init", "payload": { "authorization": bearer } });
        socket.send(Message::text(init.to_string())).await?;
        let payload = json!({ "query": EVENTS, "variables": { "id": campaign } });
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
        // The acknowledgement comes first in any case.
        let acknowledged = socket.next().await;
        acknowledged.ok_or("the socket was closed")??;
        socket.send(Message::text(subscribe.to_string())).await?;
        Ok(Self { socket, is_over: false })
    }

    /// The hosts of the next rows; nothing once all have answered.
    pub async fn next(&mut self) -> Outcome<Option<Vec<usize>>> {
        while !self.is_over {
            let frame = self.socket.next().await.ok_or("the socket was closed")??;
            let Message::Text(text) = frame else { continue };
            let message: Value = serde_json::from_str(&text)?;
            let batch = &message["payload"]["data"]["campaignEvents"];
            if !batch.is_object() {
                return Err(format!("not a batch: {text}").into());
            }
            self.is_over = batch["totals"]["outstanding"] == 0;
            let rows =
                batch["events"].as_array().into_iter().flatten().filter_map(|event| event["rows"].as_array());
            let host = |row: &Value| row["host"].as_str().and_then(|host| host.parse().ok());
            let hosts: Option<Vec<usize>> = rows.flatten().map(host).collect();
            return Ok(Some(hosts.ok_or("a row of another host")?));
        }
        Ok(None)
    }
}
