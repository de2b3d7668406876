//! A client of `graphql-transport-ws` that hides nothing of what the server says.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::within_deadline;

/// What the server said.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A message of the protocol.
    Message(Value),
    /// The socket was closed with this code.
    Closed(u16),
}

/// A WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket with the one subprotocol; nothing is sent yet.
    pub async fn open(server: std::net::SocketAddr) -> Self {
        let mut request =
            format!("ws://{server}/graphql").into_client_request().expect("the address is plain");
        let protocol = "graphql-transport-ws".parse().expect("the name is plain");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (socket, response) =
            within_deadline("a socket", connect_async(request)).await.expect("it upgrades");
        let chosen = response.headers().get("Sec-WebSocket-Protocol");
        assert!(
            chosen.is_some_and(|chosen| chosen == "graphql-transport-ws"),
            "the server takes the subprotocol"
        );
        Self(socket)
    }

    /// Opens a socket and signs in; what the server says to that.
    pub async fn init(server: std::net::SocketAddr, bearer: Option<&str>) -> (Self, Said) {
        let mut socket = Self::open(server).await;
        let payload = bearer.map(|token| json!({ "authorization": format!("Bearer {token}") }));
        socket.send(&json!({ "type": "connection_init", "payload": payload.unwrap_or(json!({})) })).await;
        let said = socket.next().await;
        (socket, said)
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Value) {
        // A server that has closed is seen by the next read.
        let _ = self.0.send(Message::text(message.to_string())).await;
    }

    /// The next thing that the server says; pings of the transport are answered on the way.
    pub async fn next(&mut self) -> Said {
        within_deadline("the server to say something", async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Said::Message(serde_json::from_str(&text).expect("messages are JSON"));
                    }
                    Some(Ok(Message::Close(frame))) => {
                        return Said::Closed(frame.map_or(1005, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Said::Closed(1006),
                }
            }
        })
        .await
    }
}

/// One subscription on a socket of its own. Dropped, it is cut off without a word.
pub struct Subscription(Socket);

/// What a subscription brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A result: `data`, and `errors` where there are some.
    Next(Value),
    /// It never began, or broke: the errors.
    Error(Value),
    /// It is over.
    Complete,
    /// The socket was closed with this code.
    Closed(u16),
}

impl Subscription {
    /// Signs in and subscribes.
    pub async fn start(
        server: std::net::SocketAddr,
        bearer: Option<&str>,
        query: &str,
        variables: Value,
    ) -> Self {
        let (mut socket, said) = Socket::init(server, bearer).await;
        assert_eq!(said, Said::Message(json!({ "type": "connection_ack" })), "the server knows the caller");
        let payload = json!({ "query": query, "variables": variables });
        socket.send(&json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
        Self(socket)
    }

    /// What comes next.
    pub async fn next(&mut self) -> Told {
        loop {
            let message = match self.0.next().await {
                Said::Message(message) => message,
                Said::Closed(code) => return Told::Closed(code),
            };
            match message["type"].as_str() {
                Some("next") => return Told::Next(message["payload"].clone()),
                Some("error") => return Told::Error(message["payload"].clone()),
                Some("complete") => return Told::Complete,
                Some("ping") => self.0.send(&json!({ "type": "pong" })).await,
                _ => panic!("not a message of the protocol: {message}"),
            }
        }
    }
}
