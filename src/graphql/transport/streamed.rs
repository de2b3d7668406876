//! Answers that go on for as long as their client listens: written by a task, bounded, and ended from outside.
//!
//! A client that reads slowly makes the producer wait. The answer is cut when the credential does not hold any more,
//! when the server stops, and when the client takes nothing for too long.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument;

use super::Transport;
use super::identity::{Identity, Known};
use super::socket::seats::Seat;

/// Pieces that wait for the connection.
const QUEUE: usize = 2;

/// Where a producer writes.
#[derive(Clone)]
pub struct Outlet {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    write: Duration,
}

/// Why an answer ends although its producer has more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The client is gone, or takes nothing.
    Gone,
    /// The credential does not hold any more.
    AccessEnded,
    /// The server stops.
    Restart,
    /// The producer failed; the log says why.
    Failed,
}

impl Outlet {
    /// Sends a piece, once there is room for it.
    ///
    /// # Errors
    /// [`Cut::Gone`].
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<(), Cut> {
        self.put(Ok(piece.into())).await
    }

    async fn put(&self, piece: io::Result<Bytes>) -> Result<(), Cut> {
        match timeout(self.write, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Cut::Gone),
        }
    }
}

/// Who is answered: as they were when they asked, and the seat that they hold meanwhile.
pub struct Listener {
    /// Who it is.
    pub known: Known,
    /// Given back at the end.
    pub seat: Seat,
}

/// A body that a task writes. When it is cut, `farewell` says the last words; without any the connection breaks off, so
/// that nobody takes the answer for whole.
pub fn body<E, F>(
    transport: &Transport<E>,
    listener: Listener,
    farewell: fn(Cut) -> Option<Bytes>,
    produce: impl FnOnce(Outlet) -> F,
) -> Body
where
    F: Future<Output = Result<(), Cut>> + Send + 'static,
{
    let settings = &transport.settings;
    let (pieces, queue) = mpsc::channel(QUEUE);
    let outlet = Outlet { pieces, write: settings.socket.write };
    let producing = produce(outlet.clone());
    let (identity, look) = (transport.identity.clone(), settings.socket.identity);
    let shutdown = settings.shutdown.clone();
    let task = async move {
        let Listener { known, seat } = listener;
        let cut = tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(Cut::Restart),
            () = access_ended(&identity, &known, look) => Err(Cut::AccessEnded),
            () = outlet.pieces.closed() => Err(Cut::Gone),
            done = producing => done,
        };
        drop(seat);
        let last = match cut {
            Ok(()) | Err(Cut::Gone) => return,
            Err(cut) => farewell(cut).ok_or_else(|| io::Error::other("the answer was cut")),
        };
        // Whoever takes nothing misses nothing.
        let _ = outlet.put(last).await;
    };
    tokio::spawn(settings.sockets.track_future(task.in_current_span()));
    Body::from_stream(ReceiverStream::new(queue))
}

/// Returns when the credential does not hold any more.
async fn access_ended(identity: &Identity, known: &Known, look: Duration) {
    let mut looks = interval(look);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if !identity.still_holds(known).await {
            return;
        }
    }
}
