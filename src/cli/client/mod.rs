//! A client of the GraphQL API: questions over HTTP, campaigns over WebSocket.

mod credential;
mod endpoint;
mod events;
mod follower;
mod pages;
mod socket;
mod trust;

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::sleep;

pub(super) use credential::{Credential, Session};
pub(super) use endpoint::Endpoint;
pub(super) use events::{Batch, Event, Totals};
pub(super) use follower::{Follower, Told};
pub(super) use pages::pages;
pub(super) use trust::{Fingerprint, Tls, Trust};

use super::terminal::talk;
use crate::config::Secret;

/// How long a command waits in all for a server that says when it has points again.
const PATIENCE: Duration = Duration::from_mins(5);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A server and a credential for it.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: Endpoint,
    credential: Credential,
}

/// Why the server did not do it. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The address is not an address.
    #[error("`{0}` is not the address of a server: expected one such as http://127.0.0.1:8080")]
    Address(String),
    /// The certificates to trust are none.
    #[error("the certificates to trust can't be used: {0}")]
    Trust(String),
    /// The server was not reached.
    #[error("{0} can't be reached: {1}; is the server running, and --server its address?")]
    Unreachable(String, String),
    /// The server is not who it should be, or nobody vouches for it.
    #[error("{0} is not trusted: {1}")]
    Untrusted(String, String),
    /// The connection broke before the answer was there.
    #[error("the connection to {0} broke: {1}; try again")]
    Broken(String, String),
    /// The server answered something that is not its protocol.
    #[error("{0} does not answer as this version of Muster does: {1}")]
    Foreign(String, String),
    /// The credential does not hold, or there is none.
    #[error("{0}; sign in with `muster login`, or pass a valid token by --token or MUSTER_TOKEN")]
    Unauthenticated(String),
    /// The server has no points left for the caller, and says how long that lasts.
    #[error("{0}")]
    Busy(String, Duration),
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// The files of contexts can't be read or written.
    #[error("{0}")]
    Contexts(String),
}

impl Client {
    /// A client of the server at `endpoint`.
    pub(super) fn new(endpoint: Endpoint, credential: Credential) -> Self {
        Self { endpoint, credential }
    }

    /// Runs a query or mutation and answers its `data`. A session whose access token is over is renewed.
    pub(super) async fn call(&self, document: &str, variables: Value) -> Result<Value, ClientError> {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let bearer = self.credential.bearer().await;
        match self.ask(body.clone(), bearer.as_ref()).await {
            Err(ClientError::Unauthenticated(why)) => match self.renewed(bearer.as_ref()).await? {
                Some(fresh) => self.ask(body, Some(&fresh)).await,
                None => Err(ClientError::Unauthenticated(why)),
            },
            other => other,
        }
    }

    /// As [`Client::call`] for a mutation of one field: answers the field's payload unless it has `userErrors`.
    pub(super) async fn mutate(
        &self,
        document: &str,
        variables: Value,
        field: &str,
    ) -> Result<Value, ClientError> {
        let payload = self.call(document, variables).await?[field].take();
        match payload["userErrors"][0]["code"].as_str() {
            None => Ok(payload),
            Some(code) => {
                let message = messages(&payload["userErrors"]).unwrap_or_else(|| code.to_owned());
                Err(ClientError::Refused { code: code.to_owned(), message })
            }
        }
    }

    /// A fresh access token in place of the one that was `used`; none when the credential is not one to renew.
    pub(super) async fn renewed(&self, used: Option<&Secret>) -> Result<Option<Secret>, ClientError> {
        match (&self.credential, used) {
            (Credential::Session(session), Some(used)) => session.renew(used, &self.endpoint).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Sends a request; again, when the server says when, for as long as [`PATIENCE`] lasts. What was refused so was
    /// not executed.
    async fn ask(&self, body: String, bearer: Option<&Secret>) -> Result<Value, ClientError> {
        let mut patience = PATIENCE;
        loop {
            match exchange(&self.endpoint, body.clone(), bearer).await {
                Err(ClientError::Busy(why, wait)) if wait <= patience => {
                    patience -= wait;
                    talk(format_args!("{why}; waiting {} s", wait.as_secs()));
                    sleep(wait).await;
                }
                other => return other,
            }
        }
    }
}

#[cfg(test)]
impl Client {
    /// The server, and the token that it always shows; none for a session.
    pub(super) fn shown(&self) -> (String, Option<&str>) {
        let token = match &self.credential {
            Credential::Token(token) => Some(token.reveal()),
            Credential::Nobody | Credential::Session(_) => None,
        };
        (self.endpoint.to_string(), token)
    }
}

/// Sends a request of GraphQL and answers its `data`.
async fn exchange(endpoint: &Endpoint, body: String, bearer: Option<&Secret>) -> Result<Value, ClientError> {
    let foreign = |what: String| ClientError::Foreign(endpoint.to_string(), what);
    let (status, bytes) = post(endpoint, body, bearer).await?;
    let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else {
        return Err(foreign(format!("status {status} without a JSON body")));
    };
    if let Some(message) = messages(&answer["errors"]) {
        let wait = answer["errors"][0]["extensions"]["retryAfter"].as_u64();
        return Err(match wait {
            Some(seconds) if status == StatusCode::TOO_MANY_REQUESTS => {
                ClientError::Busy(message, Duration::from_secs(seconds.max(1)))
            }
            _ => refusal(&answer["errors"], message),
        });
    }
    match answer["data"].take() {
        Value::Null => Err(foreign(format!("status {status} without data"))),
        data => Ok(data),
    }
}

async fn post(
    endpoint: &Endpoint,
    body: String,
    bearer: Option<&Secret>,
) -> Result<(StatusCode, bytes::Bytes), ClientError> {
    let stream = endpoint.connect().await?;
    let broken = |error: &(dyn std::error::Error + 'static)| broken(endpoint, error);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&error))?;
    let mut request = Request::post("/graphql")
        .header(header::HOST, endpoint.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/graphql-response+json, application/json");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", bearer.reveal()));
    }
    let request = request.body(Full::new(bytes::Bytes::from(body)));
    let request = request
        .map_err(|_| ClientError::Unauthenticated("the token has a character that no token has".into()))?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        Ok((head.status, body.map_err(|error| broken(error.as_ref()))?.to_bytes()))
    };
    // The connection works only while it is polled; one that ends first has failed the exchange too.
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = exchange.as_mut() => return answer,
        ended = connection.as_mut() => ended.map_err(|error| broken(&error))?,
    }
    exchange.await
}

/// Why an exchange did not succeed once there was a connection.
fn broken(endpoint: &Endpoint, error: &(dyn std::error::Error + 'static)) -> ClientError {
    let is_not_http = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    if is_not_http {
        let hint = "it does not speak HTTP at that port: try https://";
        return ClientError::Foreign(endpoint.to_string(), hint.to_owned());
    }
    ClientError::Broken(endpoint.to_string(), error.to_string())
}

/// The messages of a list of errors, joined; none when there is none.
fn messages(errors: &Value) -> Option<String> {
    let messages: Vec<_> = errors.as_array()?.iter().filter_map(|error| error["message"].as_str()).collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}

/// What a list of errors means.
fn refusal(errors: &Value, message: String) -> ClientError {
    match errors[0]["extensions"]["code"].as_str().unwrap_or_default() {
        "UNAUTHENTICATED" => ClientError::Unauthenticated(message),
        code => ClientError::Refused { code: code.to_owned(), message },
    }
}
