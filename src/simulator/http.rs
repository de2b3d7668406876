//! A small HTTP/1.1 client that behaves as osquery's: one deadline over everything, and a silent second try.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::SettingsError;
use super::stats::Problem;

/// The time for connecting, sending and receiving, second try included.
const DEADLINE: Duration = Duration::from_secs(16);

/// The largest body osquery accepts.
const MAX_BODY: usize = 8 << 20;

/// The largest head osquery accepts; also the least that hyper can be told.
const MAX_HEAD: usize = 8 << 10;

/// A server that hosts talk to.
pub(super) struct Target {
    host: String,
    port: u16,
    /// What the `Host` header says.
    authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A request of an agent.
pub(super) struct Post<'a> {
    pub(super) path: String,
    /// The value of `User-Agent`.
    pub(super) user_agent: &'a str,
    /// Sent as `Authorization: NodeKey …`.
    pub(super) node_key: Option<&'a str>,
    pub(super) body: Bytes,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Whether the body is compressed, which nobody asked for.
    pub(super) compressed: bool,
    pub(super) body: Bytes,
    /// From the first byte sent to the last one received.
    pub(super) took: Duration,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// No connection, or no TLS.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The connection broke, or what came is not HTTP.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    /// The request cannot be put together.
    #[error("the request is malformed")]
    Malformed(#[source] hyper::http::Error),
    /// The body broke off or is larger than osquery accepts.
    #[error("the body is larger than 8 MiB, or broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Sixteen seconds have passed.
    #[error("no answer within 16 s")]
    TimedOut,
}

/// Whether connections are kept between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connections {
    /// One connection, as long as the server keeps it.
    Kept,
    /// A new one for each request, as osquery does.
    Fresh,
}

/// A host's client.
pub(super) struct Client {
    target: Arc<Target>,
    connections: Connections,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Target {
    /// Reads `http(s)://host:port`; https needs TLS.
    pub(super) fn new(server: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Self, SettingsError> {
        let bad = || SettingsError::Server(server.to_owned());
        let uri: Uri = server.parse().map_err(|_| bad())?;
        let authority = uri.authority().ok_or_else(bad)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let (tls, usual_port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
                let tls = tls.cloned().ok_or(SettingsError::NoTls)?;
                (Some((TlsConnector::from(tls), name)), 443)
            }
            _ => return Err(bad()),
        };
        let port = authority.port_u16().unwrap_or(usual_port);
        Ok(Self { host, port, authority: authority.to_string(), tls })
    }

    /// Opens a connection.
    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, PostError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(PostError::Connect)?;
        stream.set_nodelay(true).map_err(PostError::Connect)?;
        match &self.tls {
            None => handshake(stream).await,
            Some((connector, name)) => {
                handshake(connector.connect(name.clone(), stream).await.map_err(PostError::Connect)?).await
            }
        }
    }
}

/// Speaks HTTP over a stream; the connection ends with its handle.
async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, PostError> {
    let mut builder = http1::Builder::new();
    let (sender, connection) =
        builder.max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await.map_err(PostError::Broken)?;
    // Its error is also the error of the request under way.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}

impl Client {
    /// A client without an open connection.
    pub(super) fn new(target: Arc<Target>, connections: Connections) -> Self {
        Self { target, connections, open: None }
    }

    /// Sends a request. One that breaks is silently sent once more, within the same deadline.
    pub(super) async fn post(&mut self, post: &Post<'_>) -> Result<Reply, PostError> {
        let begun = Instant::now();
        let twice = async {
            match self.once(post, begun).await {
                Ok(reply) => Ok(reply),
                Err(_) => self.once(post, begun).await,
            }
        };
        let outcome = tokio::time::timeout(DEADLINE, twice).await.unwrap_or(Err(PostError::TimedOut));
        if outcome.is_err() || self.connections == Connections::Fresh {
            self.open = None;
        }
        outcome
    }

    /// Sends a request over the open connection, or a new one.
    async fn once(&mut self, post: &Post<'_>, begun: Instant) -> Result<Reply, PostError> {
        let mut sender = match self.open.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.target.connect().await?,
        };
        sender.ready().await.map_err(PostError::Broken)?;
        let response = sender.send_request(self.request(post)?).await.map_err(PostError::Broken)?;
        let status = response.status().as_u16();
        let compressed = response.headers().contains_key(header::CONTENT_ENCODING);
        let body =
            Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(PostError::Body)?.to_bytes();
        self.open = Some(sender);
        Ok(Reply { status, compressed, body, took: begun.elapsed() })
    }

    /// The request with osquery's headers.
    fn request(&self, post: &Post<'_>) -> Result<Request<Full<Bytes>>, PostError> {
        let mut request = Request::post(&post.path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, post.user_agent);
        if let Some(key) = post.node_key {
            request = request.header(header::AUTHORIZATION, format!("NodeKey {key}"));
        }
        let request = request.header(header::HOST, &self.target.authority);
        request.body(Full::new(post.body.clone())).map_err(PostError::Malformed)
    }
}

impl PostError {
    /// What went wrong, for a count.
    pub(super) fn kind(&self) -> Problem {
        match self {
            Self::Connect(_) => Problem::NoConnection,
            Self::Broken(_) | Self::Malformed(_) | Self::Body(_) => Problem::Broken,
            Self::TimedOut => Problem::TimedOut,
        }
    }

    /// Whether the server sent more than osquery accepts.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Body(error) if error.is::<LengthLimitError>())
    }
}

#[cfg(test)]
mod tests;
