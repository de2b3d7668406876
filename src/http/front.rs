//! What happens to every request before and after it is answered: whence it comes, its id, its span, its counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::uri::Scheme;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use serde_json::json;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::counts::Counts;
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

    /// Passes every request of the routes through here.
    pub(super) fn around(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.clone(), pass))
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

/// Answers a request: within a span with its id, which every log line of it has.
async fn pass(
    State(front): State<Front>,
    route: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let peer = request.extensions().get::<Peer>().copied();
    let id = front.id(peer.as_ref(), request.headers());
    let source = peer.map(|peer| {
        SocketAddr::new(source(peer.address.ip(), request.headers(), &front.0.proxies), peer.address.port())
    });
    if front.is_https(peer.as_ref(), request.headers()) {
        request.extensions_mut().insert(Scheme::HTTPS);
    }
    if let Some(source) = source {
        request.extensions_mut().insert(ConnectInfo(source));
    }
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let method = request.method().clone();
    let span = span(&id, &method, route, request.headers());
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    front.0.counts.note(route, status, begun.elapsed());
    span.in_scope(|| {
        let duration_ms = begun.elapsed().as_secs_f64() * 1e3;
        let source = source.map(|source| tracing::field::display(source.ip()));
        tracing::debug!(%method, route, status = status.as_u16(), duration_ms, source, "answered");
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The span of a request. It is an error's, so that no filter of logs leaves the id out; what only traces show is
/// recorded where traces are exported.
fn span(id: &HeaderValue, method: &http::Method, route: &str, headers: &HeaderMap) -> tracing::Span {
    let id = id.to_str().unwrap_or_default();
    let span = tracing::error_span!(
        "request",
        request.id = id,
        otel.name = Empty,
        otel.kind = Empty,
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
    );
    if telemetry::is_traced() {
        span.record("otel.name", format!("{method} {route}"));
        span.record("otel.kind", "server");
        span.record("http.request.method", method.as_str());
        span.record("http.route", route);
        telemetry::continue_trace(&span, headers);
    }
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
