//! The HTTP client that spans are sent with: one connection a batch, plain or with TLS.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::{BodyExt as _, Full};
use hyper::Uri;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;

/// Sends in the runtime that it was made in: the exporter waits on a thread of its own, outside of any.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Handle,
    /// Whether the collector did not take the last batch.
    is_away: Arc<AtomicBool>,
}

impl Client {
    /// A client of the runtime that this is called in.
    pub(super) fn here() -> Self {
        Self { runtime: Handle::current(), is_away: Arc::default() }
    }
}

/// Tells that the collector is away, and that it is back, once each: spans are lost meanwhile, and nothing else.
fn note(is_away: &AtomicBool, error: Option<&HttpError>) {
    match (error, is_away.swap(error.is_some(), Ordering::Relaxed)) {
        (Some(error), false) => {
            tracing::warn!(%error, "spans can't be sent to their collector; they are dropped");
        }
        (None, true) => tracing::info!("spans are sent again"),
        _ => {}
    }
}

/// What is being sent.
type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'client, 'sending>(&'client self, request: Request<Bytes>) -> Sending<'sending>
    where
        'client: 'sending,
        Self: 'sending,
    {
        let is_away = Arc::clone(&self.is_away);
        let sending = self.runtime.spawn(async move {
            let sent = send(request).await;
            note(&is_away, sent.as_ref().err());
            sent
        });
        Box::pin(async move { sending.await? })
    }
}

async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let uri = request.uri().clone();
    let host = uri.host().ok_or("the collector's address has no host")?.trim_matches(['[', ']']).to_owned();
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    if !is_tls {
        return exchange(stream, &uri, request).await;
    }
    let name = ServerName::try_from(host)?;
    exchange(TlsConnector::from(trusting()?).connect(name, stream).await?, &uri, request).await
}

async fn exchange<S>(stream: S, uri: &Uri, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    let authority = uri.authority().ok_or("the collector's address has no host")?;
    parts.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse()?;
    let response = sender.send_request(Request::from_parts(parts, Full::new(body))).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    driving.abort();
    if !parts.status.is_success() {
        return Err(format!("the collector answered {}", parts.status).into());
    }
    Ok(Response::from_parts(parts, body))
}

/// Trusts the authorities that browsers trust.
fn trusting() -> Result<Arc<ClientConfig>, HttpError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
