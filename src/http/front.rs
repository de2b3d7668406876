//! What happens to every request before and after it is answered: whence it comes, its id, its span, its counts.

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Json;
use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::uri::Scheme;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use serde_json::json;
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument as _, Level};

use super::counts::{Counts, is_of_agents};
use super::source::{Peer, source};
use crate::auth::keys::new_public_id;
use crate::config::Networks;
use crate::telemetry;

/// The header that carries the request's id, in answers and from trusted proxies.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header in which a proxy tells what its client speaks.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What a request is called that no route is for.
const NO_ROUTE: &str = "none";

/// What the requests of all listeners share. A cheap handle.
#[derive(Clone)]
pub struct Front(Arc<Shared>);

struct Shared {
    proxies: Networks,
    /// Agents must have shown a certificate, or come by a trusted proxy.
    demands_certificates: bool,
    ids: Ids,
    counts: Counts,
}

impl Front {
    /// Believes `proxies`; lets agents in with a certificate only, or without.
    #[must_use]
    pub fn new(proxies: Networks, demands_certificates: bool) -> Self {
        let shared = Shared { proxies, demands_certificates, ids: Ids::new(), counts: Counts::default() };
        Self(Arc::new(shared))
    }

    /// Turns agents away that should have shown a certificate and have not.
    pub(super) fn guarding(&self, agent: Router) -> Router {
        if !self.0.demands_certificates {
            return agent;
        }
        agent.layer(middleware::from_fn_with_state(self.clone(), demand_certificate))
    }

    fn trusts(&self, peer: Option<&Peer>) -> bool {
        peer.is_some_and(|peer| self.0.proxies.contains(peer.address.ip()))
    }

    /// Whether the client speaks TLS: with us, or, as it says, with a trusted proxy.
    fn is_https(&self, peer: Option<&Peer>, headers: &HeaderMap) -> bool {
        let told = headers.get(FORWARDED_PROTO).filter(|_| self.trusts(peer));
        peer.is_some_and(|peer| peer.is_tls) || told.is_some_and(|proto| proto == "https")
    }

    /// The id that a trusted proxy gave the request, where it has the form of one; else a new one.
    fn id(&self, peer: Option<&Peer>, headers: &HeaderMap) -> HeaderValue {
        let told = headers.get(REQUEST_ID).filter(|id| self.trusts(peer) && is_id(id.as_bytes()));
        told.cloned().unwrap_or_else(|| self.0.ids.next())
    }
}

/// Routes behind the front. One thin service and one allocation a request: a check-in costs little more than this.
#[derive(Clone)]
pub struct Fronted<S> {
    front: Front,
    routes: S,
}

impl<S> Layer<S> for Front {
    type Service = Fronted<S>;

    fn layer(&self, routes: S) -> Fronted<S> {
        Fronted { front: self.clone(), routes }
    }
}

impl<S> Service<Request> for Fronted<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.routes.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let received = self.front.receive(&mut request);
        let front = self.front.clone();
        let answering = received.span.in_scope(|| self.routes.call(request));
        Box::pin(async move {
            let answering = AssertUnwindSafe(answering).catch_unwind().instrument(received.span.clone());
            let response = answering.await.unwrap_or_else(|panic| Ok(received.after(panic)));
            response.map(|response| front.dismiss(received, response))
        })
    }
}

/// A request that is being answered.
struct Received {
    begun: Instant,
    method: Method,
    route: Option<MatchedPath>,
    id: HeaderValue,
    source: Option<SocketAddr>,
    span: tracing::Span,
}

impl Front {
    /// Tells the request where it comes from and what it is called, and opens its span, which every log line of it
    /// is in.
    fn receive(&self, request: &mut Request) -> Received {
        let begun = Instant::now();
        let peer = request.extensions().get::<Peer>().copied();
        let id = self.id(peer.as_ref(), request.headers());
        let source = peer.map(|peer| {
            let proxies = &self.0.proxies;
            SocketAddr::new(source(peer.address.ip(), request.headers(), proxies), peer.address.port())
        });
        if self.is_https(peer.as_ref(), request.headers()) {
            request.extensions_mut().insert(Scheme::HTTPS);
        }
        if let Some(source) = source {
            request.extensions_mut().insert(ConnectInfo(source));
        }
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
        let span = span(&id, &method, route_name(route.as_ref()), request.headers());
        Received { begun, method, route, id, source, span }
    }

    /// Counts the answer and names it.
    fn dismiss(&self, received: Received, mut response: Response) -> Response {
        let Received { begun, method, route, id, source, span } = received;
        let (status, took, route) = (response.status(), begun.elapsed(), route_name(route.as_ref()));
        if telemetry::is_traced() {
            span.record("http.response.status_code", status.as_u16());
        }
        self.0.counts.note(route, status, took);
        span.in_scope(|| {
            let duration_ms = took.as_secs_f64() * 1e3;
            let source = source.map(|source| tracing::field::display(source.ip()));
            tracing::debug!(%method, route, status = status.as_u16(), duration_ms, source, "answered");
        });
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }
}

impl Received {
    /// The answer to a request whose handler panicked: an object, as agents need it.
    #[expect(clippy::needless_pass_by_value, reason = "a panic is handed over")]
    fn after(&self, panic: Box<dyn Any + Send>) -> Response {
        let text = panic.downcast_ref::<&str>().copied();
        let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let panic = message.unwrap_or("without a message");
        self.span.in_scope(|| tracing::error!(panic, "a request handler panicked"));
        (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "internal error" }))).into_response()
    }
}

fn route_name(route: Option<&MatchedPath>) -> &str {
    route.map_or(NO_ROUTE, MatchedPath::as_str)
}

/// The span of a request. It is an error's, so that no filter of logs leaves the id out; that of an agent is one of
/// debugging unless traces are exported, because it would cost a check-in a tenth more. What only traces show is
/// recorded for them alone.
fn span(id: &HeaderValue, method: &Method, route: &str, headers: &HeaderMap) -> tracing::Span {
    macro_rules! request_span {
        ($level:expr) => {
            tracing::span!(
                $level,
                "request",
                request.id = id.to_str().unwrap_or_default(),
                otel.name = Empty,
                otel.kind = Empty,
                http.request.method = Empty,
                http.route = Empty,
                http.response.status_code = Empty,
            )
        };
    }
    if !telemetry::is_traced() {
        return if is_of_agents(route) { request_span!(Level::DEBUG) } else { request_span!(Level::ERROR) };
    }
    let span = request_span!(Level::ERROR);
    span.record("otel.name", format!("{method} {route}"));
    span.record("otel.kind", "server");
    span.record("http.request.method", method.as_str());
    span.record("http.route", route);
    telemetry::continue_trace(&span, headers);
    span
}

async fn demand_certificate(State(front): State<Front>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    if peer.is_some_and(|peer| peer.is_certified) || front.trusts(peer) {
        return next.run(request).await;
    }
    let error = json!({ "error": "a client certificate is required" });
    (StatusCode::FORBIDDEN, Json(error)).into_response()
}

/// Whether a text has the form of an id: 8 to 64 letters, digits and `-_.`.
fn is_id(text: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (8..=64).contains(&text.len()) && text.iter().all(is_plain)
}

/// Ids of requests: a random word for the process, and a number.
struct Ids {
    process: String,
    last: AtomicU64,
}

impl Ids {
    fn new() -> Self {
        Self { process: new_public_id("req").0, last: AtomicU64::new(0) }
    }

    fn next(&self) -> HeaderValue {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}-{number:x}", self.process);
        HeaderValue::from_str(&text).expect("an id is letters, digits, `_` and `-`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_the_form_of_one() {
        let ids = Ids::new();
        let (one, other) = (ids.next(), ids.next());
        assert_ne!(one, other);
        assert!(is_id(one.as_bytes()) && is_id(other.as_bytes()), "{one:?}");
    }

    #[test]
    fn only_a_trusted_proxy_names_a_request() {
        let networks = crate::config::Config::load(&crate::config::Sources {
            flags: vec![("http.trusted_proxies".to_owned(), "::1".to_owned())],
            ..crate::config::Sources::default()
        });
        let front = Front::new(networks.expect("a network").http.trusted_proxies, false);
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static("of-a-proxy"))]);
        let peer =
            |address: [u8; 16]| Peer { address: (address, 1).into(), is_certified: false, is_tls: false };
        let (mut own, other) = ([0; 16], [1; 16]);
        own[15] = 1;
        assert_eq!(front.id(Some(&peer(own)), &headers), "of-a-proxy");
        assert_ne!(front.id(Some(&peer(other)), &headers), "of-a-proxy");
        assert_ne!(front.id(None, &headers), "of-a-proxy");
        let https = HeaderMap::from_iter([(FORWARDED_PROTO, HeaderValue::from_static("https"))]);
        assert!(front.is_https(Some(&peer(own)), &https) && !front.is_https(Some(&peer(own)), &headers));
        assert!(!front.is_https(Some(&peer(other)), &https) && !front.is_https(None, &https));
        assert!(front.is_https(Some(&Peer { is_tls: true, ..peer(other) }), &headers));
        let odd = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static("what \"is\" this"))]);
        assert!(is_id(front.id(Some(&peer(own)), &odd).as_bytes()));
    }
}
