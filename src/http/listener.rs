//! The accept loop: one task a connection, with or without TLS, with time-outs, and a stop in two stages.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::tls::Tls;

/// An address that is listened on, and what is served there.
pub struct Door {
    /// Where connections come from.
    pub listener: TcpListener,
    /// What they speak; none: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// What answers them.
    pub router: Router,
}

/// How long a listener waits for its clients.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first request's headers on a new connection.
    pub headers: Duration,
    /// For a further request; for its headers too.
    pub idle: Duration,
    /// For requests under way when the server stops.
    pub drain: Duration,
}

/// How long accepting rests when the system refuses (out of file descriptors, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves at `door` until `shutdown`; then stops accepting, lets requests under way finish for at most
/// `patience.drain`, and returns.
pub async fn run(door: Door, patience: Patience, shutdown: CancellationToken) {
    let Door { listener, tls, router } = door;
    let reception = Reception { tls, router, patience, shutdown: shutdown.clone() };
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let connection = reception.clone().welcome(stream, peer);
                let abort = abort.clone();
                connections.spawn(async move { abort.run_until_cancelled(connection).await });
            }
            Err(error) => rest_after(&error).await,
        }
    }
    drop(listener);
    connections.close();
    if timeout(patience.drain, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut at the end of the drain");
        abort.cancel();
        connections.wait().await;
    }
}

/// Waits after a failed accept, unless it concerned that one connection only.
async fn rest_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted");
        sleep(ACCEPT_PAUSE).await;
    }
}

/// What every connection of a door needs.
#[derive(Clone)]
struct Reception {
    tls: Option<Arc<Tls>>,
    router: Router,
    patience: Patience,
    shutdown: CancellationToken,
}

impl Reception {
    /// Shakes hands where the door speaks TLS, and serves the connection to its end.
    async fn welcome(self, stream: TcpStream, peer: SocketAddr) {
        // Fails only on a socket that is closed already; then the first read says so.
        drop(stream.set_nodelay(true));
        let Some(tls) = self.tls.clone() else { return self.serve(stream, peer).await };
        match self.shutdown.run_until_cancelled(tls.accept(stream)).await {
            Some(Ok(stream)) => self.serve(stream, peer).await,
            Some(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
            None => {}
        }
    }

    /// Serves one connection to its end.
    async fn serve<S>(self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { router, patience, shutdown, .. } = self;
        let spoken = Arc::new(AtomicBool::new(false));
        let first_request = Arc::clone(&spoken);
        let service = service_fn(move |mut request: Request<Incoming>| {
            first_request.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        // The library's limit also runs while a connection is idle, so it is the longer of the two; the shorter one,
        // for clients that connect and dawdle, is held below.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.idle)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut late = pin!(sleep(patience.headers));
        let mut silent = true;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, %peer, "a connection ended early");
                    }
                    return;
                }
                () = late.as_mut(), if silent => {
                    silent = false;
                    if !spoken.load(Ordering::Relaxed) {
                        return;
                    }
                }
                () = shutdown.cancelled() => break,
            }
        }
        connection.as_mut().graceful_shutdown();
        drop(connection.await);
    }
}
