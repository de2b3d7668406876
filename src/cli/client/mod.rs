//! A client of the GraphQL API: questions over HTTP, campaigns over WebSocket.

mod endpoint;
mod events;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

pub(super) use endpoint::Endpoint;
pub(super) use events::{Batch, Event, Follower, Totals};

use crate::config::Secret;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A server and a credential for it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    endpoint: Endpoint,
    token: Secret,
}

/// Why the server did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The address is not an address.
    #[error("`{0}` is not the address of a server, such as http://127.0.0.1:8080")]
    Address(String),
    /// The server was not reached, or the connection broke.
    #[error("{0} can't be reached: {1}")]
    Unreachable(String, String),
    /// The server answered something that is not its protocol.
    #[error("{0} does not answer as this version of Muster does: {1}")]
    Foreign(String, String),
    /// The server refused.
    #[error("{0}")]
    Refused(String),
}

impl Client {
    /// A client of the server at `address`, `http(s)://host:port`.
    pub(super) fn new(address: &str, token: Secret) -> Result<Self, ClientError> {
        let endpoint = Endpoint::parse(address).ok_or_else(|| ClientError::Address(address.to_owned()))?;
        Ok(Self { endpoint, token })
    }

    /// Runs a query or mutation and answers its `data`.
    pub(super) async fn call(&self, document: &str, variables: Value) -> Result<Value, ClientError> {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let (status, bytes) = self.post(body).await.map_err(|error| self.unreachable(&error))?;
        let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else {
            return Err(self.foreign(format!("status {status} without a JSON body")));
        };
        if let Some(message) = first_message(&answer["errors"]) {
            return Err(ClientError::Refused(message));
        }
        match answer["data"].take() {
            Value::Null => Err(self.foreign(format!("status {status} without data"))),
            data => Ok(data),
        }
    }

    async fn post(
        &self,
        body: String,
    ) -> Result<(StatusCode, bytes::Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = self.endpoint.connect().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::post("/graphql")
            .header(header::HOST, self.endpoint.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json, application/json")
            .header(header::AUTHORIZATION, self.bearer())
            .body(Full::new(bytes::Bytes::from(body)))?;
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let bytes = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
            Ok((head.status, bytes))
        };
        // The connection works only while it is polled; one that ends first has failed the exchange too.
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            answer = exchange.as_mut() => return answer,
            ended = connection.as_mut() => ended?,
        }
        exchange.await
    }

    /// The value of an `Authorization` header.
    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.reveal())
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::Unreachable(self.endpoint.to_string(), error.to_string())
    }

    fn foreign(&self, what: String) -> ClientError {
        ClientError::Foreign(self.endpoint.to_string(), what)
    }
}

/// The messages of a list of errors, joined; none when there is none.
pub(super) fn first_message(errors: &Value) -> Option<String> {
    let messages: Vec<_> = errors.as_array()?.iter().filter_map(|error| error["message"].as_str()).collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}
