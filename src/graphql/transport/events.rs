//! GraphQL over server-sent events: an operation a connection, as `graphql-sse` has it (distinct connections mode).
//!
//! Each result is an event `next`, and `complete` is the last one. A stream that ends without it was cut, and its client
//! comes again: events of a campaign have their cursor as `id`, which `Last-Event-ID` brings back. A comment between them
//! keeps the connection alive.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, ServerError};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::Either;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{MissedTickBehavior, interval};

use super::Transport;
use super::encode::{Payload, encode};
use super::engine::{Outcome, Prepared};
use super::negotiate::Media;
use super::streamed::{self, Cut, Listener, Outlet};
use crate::graphql::context::Place;

/// What clients of this kind send to go on where they were.
const LAST_EVENT_ID: &str = "last-event-id";

/// Keeps a connection alive.
const HEARTBEAT: &[u8] = b":\n\n";

/// The last event; it has data, or browsers would not tell of it.
const COMPLETE: &[u8] = b"event: complete\ndata: \n\n";

/// Where a client wants to go on: what it was told last wins over the argument of its operation, which a reconnecting
/// browser sends again as it was.
#[must_use]
pub fn place(headers: &HeaderMap) -> Place {
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    Place::after(last.filter(|last| !last.is_empty()).map(str::to_owned))
}

/// Streams the results of an operation.
pub fn stream<E: Executor>(
    transport: &Arc<Transport<E>>,
    listener: Listener,
    prepared: Prepared,
    place: Place,
) -> Response {
    let streaming = Arc::clone(transport);
    let produce = |outlet| produce(streaming, prepared, place, outlet);
    response(streamed::body(transport, listener, farewell, produce))
}

/// Answers an operation that was refused: its errors as the only result, for such clients see no other body.
#[must_use]
pub fn refused(errors: &[ServerError]) -> Response {
    response([next(None, &Payload::refused(errors)), Bytes::from_static(COMPLETE)].concat())
}

async fn produce<E: Executor>(
    transport: Arc<Transport<E>>,
    prepared: Prepared,
    place: Place,
    outlet: Outlet,
) -> Result<(), Cut> {
    let engine = &transport.engine;
    let mut outcomes = std::pin::pin!(match prepared.operation {
        OperationType::Subscription => Either::Left(engine.subscribe(prepared)),
        _ => Either::Right(engine.execute(prepared).into_stream()),
    });
    let mut heartbeat = interval(transport.settings.socket.ping);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let outcome = tokio::select! {
            outcome = outcomes.next() => outcome,
            _ = heartbeat.tick() => {
                outlet.send(HEARTBEAT).await?;
                continue;
            }
        };
        let Some(outcome) = outcome else { return outlet.send(COMPLETE).await };
        let payload = match &outcome {
            Outcome::Executed(response) => Payload::executed(response),
            Outcome::Refused(errors) => Payload::refused(errors),
        };
        outlet.send(next(place.reached().as_deref(), &payload)).await?;
        heartbeat.reset();
    }
}

/// A result as an event.
fn next(id: Option<&str>, payload: &Payload<'_>) -> Bytes {
    let mut event = Vec::from(b"event: next\n");
    if let Some(id) = id {
        event.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    event.extend_from_slice(b"data: ");
    event.extend(one_line(encode(payload)));
    event.extend_from_slice(b"\n\n");
    Bytes::from(event)
}

/// JSON without line breaks: they stand only between its tokens, where a space does as well.
#[must_use]
pub fn one_line(mut json: Vec<u8>) -> Vec<u8> {
    for byte in json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    json
}

/// Says to people why the stream ends; programs see that it is not complete, and come again.
fn farewell(cut: Cut) -> Option<Bytes> {
    Some(Bytes::from_static(match cut {
        Cut::AccessEnded => b": the credential does not hold any more\n\n",
        Cut::Restart => b": the server restarts\n\n",
        Cut::Gone | Cut::Failed => return None,
    }))
}

fn response(body: impl Into<axum::body::Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, Media::EventStream.content_type()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("Accept")),
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (StatusCode::OK, headers, body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_data() {
        assert_eq!(one_line(b"[1,\r\n2]".to_vec()), b"[1,  2]");
        let errors = [ServerError::new("no", None)];
        let event = next(Some("c"), &Payload::refused(&errors));
        assert_eq!(event, "event: next\nid: c\ndata: {\"errors\":[{\"message\":\"no\"}]}\n\n");
    }

    #[test]
    fn an_empty_last_event_id_is_none() {
        let with = |value| {
            HeaderMap::from_iter([(LAST_EVENT_ID.parse().expect("a name"), HeaderValue::from_static(value))])
        };
        assert_eq!(place(&with("")).begin(), None);
        assert_eq!(place(&with("c")).begin(), Some("c"));
    }
}
