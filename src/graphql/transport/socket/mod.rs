//! GraphQL over WebSocket: `graphql-transport-ws`, and no other subprotocol.
//!
//! A reader ([`driver`]) keeps the rules and the timers, each operation is a task with a bounded queue
//! ([`operation`]), and a writer ([`writer`]) takes from the queues in turn. Who reads slowly makes the operations
//! wait, and nothing grows.

pub mod close;
pub mod message;
pub mod seats;
pub mod load;
pub mod operations;
pub mod operation;
pub mod driver;
pub mod writer;

use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Executor;
use axum::extract::FromRequestParts;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::Instrument as _;

use self::close::End;
use self::driver::Driver;
use self::operations::Operations;
use self::writer::Writer;
use super::Transport;
use super::identity::Known;
use super::negotiate::check_origin;
use super::refusal::Refusal;

/// The one subprotocol.
const SUBPROTOCOL: &str = "graphql-transport-ws";

/// What is read of a socket at once, in bytes. Each has a buffer of this size, and what clients say is short.
const READ_BUFFER: usize = 4 << 10;

/// Things that wait for the writer, beside results.
const CONTROL_QUEUE: usize = 32;

/// Whether a request wants to become a socket.
#[must_use]
pub fn is_upgrade(parts: &Parts) -> bool {
    let upgrade = parts.headers.get(header::UPGRADE);
    parts.method == Method::GET
        && upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens a socket.
///
/// # Errors
/// 403 for a foreign origin; 401 and 503 for a credential in the headers as over HTTP; 400 for a broken handshake.
pub async fn open<E: Executor>(transport: &Arc<Transport<E>>, mut parts: Parts) -> Result<Response, Refusal> {
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    check_origin(&parts.headers, host.or(parts.uri.host()), &transport.settings.allowed_origins)?;
    let upgraded_by = transport.identity.of_request(&parts, &transport.settings.allowed_origins).await?;
    let source = super::http::source(&parts);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| Refusal::bad_request(rejection.to_string()))?;
    let (transport, limit) = (Arc::clone(transport), transport.settings.socket.message_bytes);
    let tracker = transport.settings.sockets.clone();
    let upgrade = upgrade.protocols([SUBPROTOCOL]).max_message_size(limit).max_frame_size(limit);
    let upgrade = upgrade.read_buffer_size(READ_BUFFER);
    let span = tracing::Span::current();
    Ok(upgrade.on_upgrade(move |socket| {
        tracker.track_future(run(transport, socket, source, upgraded_by).instrument(span))
    }))
}

/// Runs a socket from its first message to its goodbye.
async fn run<E: Executor>(
    transport: Arc<Transport<E>>,
    socket: WebSocket,
    source: IpAddr,
    upgraded_by: Known,
) {
    let settings = transport.settings.socket.clone();
    let is_spoken = socket.protocol().is_some();
    let (sink, mut stream) = socket.split();
    let (controls, queue) = mpsc::channel(CONTROL_QUEUE);
    let (say, end) = oneshot::channel();
    let operations = Operations::default();
    let (write, goodbye) = (settings.write, settings.goodbye);
    let writer = Writer { sink, controls: queue, end, operations: operations.clone(), write, goodbye };
    let mut writing = std::pin::pin!(writer.run());
    let driving = async {
        if is_spoken {
            Driver::new(transport, operations, source, upgraded_by).run(&mut stream, controls).await
        } else {
            End::subprotocol()
        }
    };
    let end = tokio::select! {
        end = driving => end,
        () = &mut writing => return,
    };
    let is_gone = end == End::Gone;
    // The writer is listening: it ends by this alone.
    let _ = say.send(end);
    writing.await;
    if !is_gone {
        // What the client still sends is read, or its system would discard the goodbye.
        let _ = timeout(goodbye, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
}
