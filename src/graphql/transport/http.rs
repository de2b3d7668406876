//! GraphQL over HTTP: POST, GET for queries, and the way to streams.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request};
use async_graphql_axum::GraphQLRequest;
use async_graphql_axum::rejection::GraphQLRejection;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Transport;
use super::cookie::SessionCookie;
use super::encode::{Payload, encode};
use super::engine::{Outcome, Unprepared};
use super::errors::Dress;
use super::identity::Known;
use super::negotiate::{Media, check_address, check_content};
use super::refusal::Refusal;
use super::streamed::Listener;
use super::unique::is_unique;
use super::{events, socket};
use crate::auth::keys::new_public_id;
use crate::graphql::context::RequestContext;
use crate::graphql::precheck::persisted;

/// The header that carries the request id, both ways.
pub(in crate::graphql) const REQUEST_ID: &str = "x-request-id";

/// Where subscriptions are served.
const SUBSCRIBE_ELSEWHERE: &str =
    "subscriptions are served as `text/event-stream`, when it is accepted, and on a WebSocket";

/// Answers one request, or makes a socket of it.
pub async fn serve<E: Executor>(
    State(transport): State<Arc<Transport<E>>>,
    request: axum::extract::Request,
) -> Response {
    let request_id = request_id(request.headers());
    let media = Media::accepted(request.headers());
    let stale = carried_cookie(&request);
    let answered = answer(&transport, request, &request_id, media).await;
    let mut response = answered.unwrap_or_else(|refusal| refused(&transport, &refusal, &request_id, media));
    if let Some(cookie) = stale.filter(|_| response.status() == StatusCode::UNAUTHORIZED) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clear());
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The cookie that the request shows as its credential. Where it does not hold it is taken away, or the browser could
/// not even sign in.
fn carried_cookie(request: &axum::extract::Request) -> Option<SessionCookie> {
    let cookie = SessionCookie::of(request.extensions());
    let is_shown =
        !request.headers().contains_key(header::AUTHORIZATION) && cookie.read(request.headers()).is_some();
    is_shown.then_some(cookie)
}

async fn answer<E: Executor>(
    transport: &Arc<Transport<E>>,
    request: axum::extract::Request,
    request_id: &str,
    media: Media,
) -> Result<Response, Refusal> {
    if transport.settings.shutdown.is_cancelled() {
        return Err(Refusal::unavailable());
    }
    let (parts, body) = request.into_parts();
    check_address(&parts.uri)?;
    if socket::is_upgrade(&parts) {
        return socket::open(transport, parts).await;
    }
    if parts.method != Method::GET && parts.method != Method::POST {
        return Err(Refusal::method_not_allowed("GraphQL is asked by GET or POST"));
    }
    check_content(&parts.method, &parts.headers)?;
    let known = transport.identity.of_request(&parts, &transport.settings.allowed_origins).await?;
    let asked = Asked {
        source: source(&parts),
        is_post: parts.method == Method::POST,
        takes_events: Media::takes_events(&parts.headers),
        media,
    };
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let context = RequestContext {
        actor: known.actor.clone().from_source(asked.source),
        source: asked.source,
        request_id: request_id.to_owned(),
        agent: agent.map(str::to_owned),
        cookie: Some(SessionCookie::of(&parts.extensions)),
        place: events::place(&parts.headers),
    };
    let request = read(transport, parts, body).await?;
    execute(transport, request, context, known, asked).await
}

/// What matters of a request, beside its operation.
struct Asked {
    source: IpAddr,
    is_post: bool,
    takes_events: bool,
    media: Media,
}

async fn execute<E: Executor>(
    transport: &Arc<Transport<E>>,
    request: Request,
    context: RequestContext,
    known: Known,
    asked: Asked,
) -> Result<Response, Refusal> {
    let place = context.place.clone();
    let prepared = match transport.engine.prepare(request, context) {
        Ok(prepared) => prepared,
        Err(Unprepared::Caller(refusal)) => return Err(refusal),
        Err(Unprepared::Document(errors)) if asked.media == Media::EventStream => {
            return Ok(events::refused(&errors));
        }
        Err(Unprepared::Document(errors)) => return Ok(respond(&Outcome::Refused(errors), asked.media)),
    };
    let is_streamed = match prepared.operation {
        OperationType::Mutation if !asked.is_post => {
            return Err(Refusal::method_not_allowed("mutations are sent by POST"));
        }
        OperationType::Query | OperationType::Mutation => asked.media == Media::EventStream,
        OperationType::Subscription if asked.takes_events => true,
        OperationType::Subscription if asked.is_post => {
            return Err(Refusal::bad_request(SUBSCRIBE_ELSEWHERE));
        }
        OperationType::Subscription => return Err(Refusal::method_not_allowed(SUBSCRIBE_ELSEWHERE)),
    };
    if is_streamed {
        let listener = seated(transport, known, asked.source)?;
        return Ok(events::stream(transport, listener, prepared, place));
    }
    Ok(respond(&transport.engine.execute(prepared).await, asked.media))
}

/// Somebody who listens to a stream: it counts like a socket.
///
/// # Errors
/// 429 for one more than an actor may have.
pub(in crate::graphql) fn seated<E>(
    transport: &Transport<E>,
    known: Known,
    source: IpAddr,
) -> Result<Listener, Refusal> {
    let limit = transport.settings.socket.per_actor;
    let seat = transport.seats.take(&known.actor, source, limit);
    Ok(Listener { seat: seat.ok_or_else(|| Refusal::too_many(limit))?, known })
}

/// The request of the query string (GET), or of a body within its limits (POST).
async fn read<E>(transport: &Transport<E>, parts: Parts, body: Body) -> Result<Request, Refusal> {
    let request = if parts.method == Method::GET {
        from_query_string(&parts)?
    } else {
        let reading = read_body(body, transport.settings.body_bytes);
        let late = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "the body took too long");
        let bytes =
            tokio::time::timeout(transport.settings.body_deadline, reading).await.map_err(|_| late())??;
        if !is_unique(&bytes) {
            return Err(Refusal::bad_request("the body is not JSON, or names a key twice"));
        }
        let request = axum::extract::Request::from_parts(parts, Body::from(bytes));
        let decoded = GraphQLRequest::<GraphQLRejection>::from_request(request, &()).await;
        decoded.map_err(|rejection| Refusal::from(rejection.0))?.into_inner()
    };
    if request.query.is_empty() && !persisted::is_named(&request) {
        return Err(Refusal::bad_request("the request has no query"));
    }
    Ok(request)
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::too_large(limit)),
        Err(_) => Err(Refusal::bad_request("the body can't be read")),
    }
}

/// The parameters of a GET; objects are JSON in text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

fn from_query_string(parts: &Parts) -> Result<Request, Refusal> {
    let Query(parameters) = Query::<Parameters>::try_from_uri(&parts.uri)
        .map_err(|_| Refusal::bad_request("the query string can't be read"))?;
    let mut request = Request::new(parameters.query.unwrap_or_default());
    request.operation_name = parameters.operation_name;
    request.variables = from_text(parameters.variables)?;
    request.extensions = from_text(parameters.extensions)?;
    Ok(request)
}

fn from_text<T: DeserializeOwned + Default>(text: Option<String>) -> Result<T, Refusal> {
    let malformed = || Refusal::bad_request("variables and extensions must be JSON objects");
    let Some(text) = text else { return Ok(T::default()) };
    if !is_unique(text.as_bytes()) {
        return Err(malformed());
    }
    serde_json::from_str(&text).map_err(|_| malformed())
}

fn respond(outcome: &Outcome, media: Media) -> Response {
    match outcome {
        Outcome::Executed(executed) => {
            let mut response = json(StatusCode::OK, &Payload::executed(executed), media);
            for cookie in executed.http_headers.get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response
        }
        Outcome::Refused(errors) => json(media.refused_document(), &Payload::refused(errors), media),
    }
}

/// Answers what was refused before it was executed: JSON, whatever was asked for.
pub(in crate::graphql) fn refused<E>(
    transport: &Transport<E>,
    refusal: &Refusal,
    request_id: &str,
    media: Media,
) -> Response {
    let dress =
        Dress { request_id: request_id.to_owned(), suggests: false, limit: transport.settings.errors };
    let errors = dress.refused(vec![refusal.to_error()]);
    let mut response = json(refusal.status, &Payload::refused(&errors), media.of_refusals());
    let header = match refusal.status {
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
        StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "GET, POST")),
        _ => None,
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn json(status: StatusCode, payload: &Payload<'_>, media: Media) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media.content_type()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    (status, headers, encode(payload)).into_response()
}

/// The address of the connection; unspecified where the listener did not say.
pub(in crate::graphql) fn source(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// The id that the listener gave the request, when it has the form of one; a fresh one otherwise.
pub(in crate::graphql) fn request_id(headers: &HeaderMap) -> String {
    let is_id = |text: &&str| {
        (8..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(is_id);
    given.map_or_else(|| new_public_id("req").to_string(), str::to_owned)
}
