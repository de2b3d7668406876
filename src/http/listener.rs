//! The accept loop: one task a connection, places for so many, and a stop in two stages.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection;
use super::pace::Patience;
use super::places::Places;
use super::source::Peer;
use super::tls::{Clients, Tls};

/// An address that is listened on, and what is served there.
pub struct Door {
    /// Where connections come from.
    pub listener: TcpListener,
    /// What they speak; none: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Who comes here.
    pub clients: Clients,
    /// What answers them.
    pub router: Router,
}

/// How long accepting rests when the system refuses, at first and at most.
const REST: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// Serves at `door` until `shutdown`; then stops accepting, lets requests under way finish for at most
/// `patience.drain`, and returns.
pub async fn run(door: Door, patience: Patience, places: Places, shutdown: CancellationToken) {
    let Door { listener, tls, clients, router } = door;
    let reception = Reception { tls, clients, router, patience, shutdown: shutdown.clone() };
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let mut queue = Queue { listener, places, is_full: false, rest: None };
    while let Some((stream, peer, permit)) = shutdown.run_until_cancelled(queue.next()).await {
        let Some(place) = queue.places.take(permit, peer.ip()) else {
            metrics::counter!("muster_connections_refused_total", "reason" => "source").increment(1);
            tracing::debug!(%peer, "a connection was refused: its source has all it may have");
            continue;
        };
        let (reception, abort) = (reception.clone(), abort.clone());
        // In a box: a future holds three times what it runs until it is cancelled, and most connections are idle.
        let welcome = Box::pin(reception.welcome(stream, peer));
        connections.spawn(async move {
            abort.run_until_cancelled(welcome).await;
            drop(place);
        });
    }
    drop(queue);
    connections.close();
    if timeout(patience.drain, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut at the end of the drain");
        abort.cancel();
        connections.wait().await;
    }
}

/// Who waits to be let in. What stops it is told when it begins and when it ends, not at each try.
struct Queue {
    listener: TcpListener,
    places: Places,
    /// Every place was taken a while ago, and not much is free since.
    is_full: bool,
    /// How long accepting rests after the next refusal of the system; none while it does not refuse.
    rest: Option<Duration>,
}

impl Queue {
    /// The next connection, once there is a place for it and the system hands it out.
    async fn next(&mut self) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let permit = self.place().await;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if self.rest.take().is_some() {
                        tracing::info!("connections are accepted again");
                    }
                    return (stream, peer, permit);
                }
                Err(error) if is_about_one(&error) => {}
                Err(error) => self.rest_after(&error).await,
            }
        }
    }

    async fn place(&mut self) -> OwnedSemaphorePermit {
        if self.is_full && self.places.are_easy() {
            self.is_full = false;
            tracing::info!("there is room for connections again");
        }
        if let Some(permit) = self.places.try_one() {
            return permit;
        }
        if !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!("there are as many connections as there may be; others wait");
        }
        metrics::counter!("muster_accept_pauses_total", "reason" => "connections").increment(1);
        self.places.one().await
    }

    /// Rests, longer each time: most likely there are no file descriptors left, and connections that end free some.
    async fn rest_after(&mut self, error: &io::Error) {
        let rest = self.rest.unwrap_or(REST[0]);
        if self.rest.is_none() {
            tracing::warn!(%error, "connections can't be accepted; others are served, and accepting is tried again");
        }
        metrics::counter!("muster_accept_pauses_total", "reason" => "system").increment(1);
        sleep(rest).await;
        self.rest = Some((rest * 2).min(REST[1]));
    }
}

/// Whether a failed accept concerned that one connection only.
fn is_about_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// What every connection of a door needs.
#[derive(Clone)]
struct Reception {
    tls: Option<Arc<Tls>>,
    clients: Clients,
    router: Router,
    patience: Patience,
    shutdown: CancellationToken,
}

impl Reception {
    /// Shakes hands where the door speaks TLS, and serves the connection to its end.
    async fn welcome(self, stream: TcpStream, address: SocketAddr) {
        // Fails only on a socket that is closed already; then the first read says so.
        drop(stream.set_nodelay(true));
        let Self { tls, clients, router, patience, shutdown } = self;
        let Some(tls) = tls else {
            let peer = Peer { address, is_certified: false, is_tls: false };
            return connection::serve(stream, peer, router, patience, shutdown).await;
        };
        match shutdown.run_until_cancelled(Box::pin(tls.accept(stream, clients))).await {
            Some(Ok(stream)) => {
                let is_certified = stream.get_ref().1.peer_certificates().is_some();
                let peer = Peer { address, is_certified, is_tls: true };
                connection::serve(stream, peer, router, patience, shutdown).await;
            }
            Some(Err(error)) => {
                let is_late = error.kind() == io::ErrorKind::TimedOut;
                let reason = if is_late { "timeout" } else { "failed" };
                metrics::counter!("muster_tls_handshake_failures_total", "reason" => reason).increment(1);
                tracing::debug!(%error, peer = %address, "a TLS handshake failed");
            }
            None => {}
        }
    }
}
