//! One connection: HTTP/1.1 from its first byte to its last, and a client that dawdles is cut off.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::pace::{Late, Pace, Patience};
use super::source::Peer;
use super::stream::Stream;

/// Bytes of a request's headers at most, and of what is read at once.
const HEADER_BYTES: usize = 64 << 10;

/// Serves a connection to its end; after `shutdown`, to the end of the request under way.
///
/// What is large is in a box of its own: a future holds whatever it was given once more, and there are thousands of these.
pub(super) fn serve<S>(
    stream: S,
    peer: Peer,
    router: Router,
    patience: Patience,
    shutdown: CancellationToken,
) -> impl Future<Output = ()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pace = Pace::new();
    let asked = pace.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        asked.asked();
        request.extensions_mut().insert(peer);
        let (answering, pace) = (router.clone().oneshot(request), asked.clone());
        async move { answering.await.map(|response| Answer::of(response, pace)) }
    });
    let stream = TokioIo::new(Stream::new(stream, pace.clone()));
    let connection = http1::Builder::new().max_buf_size(HEADER_BYTES).serve_connection(stream, service);
    let mut connection = Box::pin(connection.with_upgrades());
    async move {
        let (mut timer, mut stop) = (pin!(sleep_until(Instant::now())), pin!(shutdown.cancelled_owned()));
        let mut is_stopped = false;
        let end = poll_fn(|cx| {
            if !is_stopped && stop.as_mut().poll(cx).is_ready() {
                is_stopped = true;
                connection.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(result.map_err(End::Failed));
            }
            // It moves only while the connection is driven, so it is looked at after each step.
            let Some((deadline, late)) = pace.deadline(&patience) else { return Poll::Pending };
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            timer.as_mut().poll(cx).map(|()| Err(End::Late(late)))
        });
        note(end.await, peer);
    }
}

/// Says how a connection ended, where that is not in order.
fn note(end: Result<(), End>, peer: Peer) {
    match end {
        Ok(()) => {}
        Err(End::Late(late)) => {
            metrics::counter!("muster_connections_cut_total", "reason" => late.as_str()).increment(1);
            tracing::debug!(peer = %peer.address, reason = late.as_str(), "a connection was cut: its client is late");
        }
        Err(End::Failed(error)) => {
            tracing::debug!(%error, peer = %peer.address, "a connection ended early");
        }
    }
}

/// Why a connection did not end in order.
enum End {
    /// The client was too slow.
    Late(Late),
    /// The connection broke, or what came is not HTTP.
    Failed(hyper::Error),
}

/// The body of an answer, which tells when it is made.
struct Answer {
    body: Body,
    pace: Pace,
}

impl Answer {
    fn of(response: Response, pace: Pace) -> Response<Self> {
        response.map(|body| Self { body, pace })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.pace.answered();
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
