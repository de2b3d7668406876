//! The stream of a connection: tells its pace, and gives a body to the answers that the library makes by itself.
//!
//! What can't be parsed as a request is answered by the library with a status and no body. An agent takes an empty
//! body for success, and deletes what it sent; so such an answer goes out as a JSON object with an `error`. And the
//! library writes the names of headers in lower case, where a client in use looks for one as its standard spells it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;

/// What the library answers by itself, and what is said instead.
const BARE: [(&[u8], &str); 3] = [
    (b" 400 ", "400 Bad Request\r\n{\"error\":\"the request is not HTTP\"}"),
    (b" 414 ", "414 URI Too Long\r\n{\"error\":\"the address is too long\"}"),
    (b" 431 ", "431 Request Header Fields Too Large\r\n{\"error\":\"the headers are too large\"}"),
];

/// The header that Python's gql looks for in this spelling alone, to know what is spoken.
const SUBPROTOCOL: &[u8] = b"Sec-WebSocket-Protocol: ";

/// The stream of one connection.
pub(super) struct Stream<S> {
    inner: S,
    pace: Pace,
    /// What is written instead of an answer without a body.
    instead: Bytes,
}

impl<S> Stream<S> {
    /// A stream that tells `pace` what comes and goes.
    pub(super) fn new(inner: S, pace: Pace) -> Self {
        Self { inner, pace, instead: Bytes::new() }
    }
}

impl<S: AsyncWrite + Unpin> Stream<S> {
    /// Writes what is said instead, to its end.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.instead.has_remaining() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Notes what is written instead of these bytes, if something is; they are then taken.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        let said =
            respelled(bytes).or_else(|| said_instead(bytes).filter(|_| self.pace.is_between_requests()));
        let Some(said) = said else { return false };
        self.instead = said;
        true
    }
}

/// The whole answer instead of one that has no body.
fn said_instead(bytes: &[u8]) -> Option<Bytes> {
    let status = status(bytes)?;
    let (_, said) = BARE.iter().find(|(bare, _)| *bare == status)?;
    find(bytes, b"content-length: 0\r\n")?;
    let (line, body) = said.split_once("\r\n")?;
    let length = body.len();
    let head = format!("HTTP/1.1 {line}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
    Some(Bytes::from(format!("{head}connection: close\r\n\r\n{body}")))
}

/// The answer to a handshake, with the subprotocol under its name.
fn respelled(bytes: &[u8]) -> Option<Bytes> {
    let place = (status(bytes)? == b" 101 ").then(|| find(bytes, SUBPROTOCOL))??;
    let mut respelled = bytes.to_vec();
    respelled[place..place + SUBPROTOCOL.len()].copy_from_slice(SUBPROTOCOL);
    Some(respelled.into())
}

/// The status of the answer that begins here, between blanks.
fn status(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(b"HTTP/1.")?.get(1..6)
}

/// Where a part is, in whatever case.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part))
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.heard();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.pace.wrote(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices
            && self.replaces(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.pace.wrote(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_without_a_body_are_replaced() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let said = said_instead(bare).expect("it has no body");
        let text = String::from_utf8(said.to_vec()).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{text}");
        let object: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert!(object["error"].is_string());
        for other in [
            &b"HTTP/1.1 400 Bad Request\r\ncontent-length: 12\r\n\r\n{\"error\":\"\"}"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 4",
            b"",
        ] {
            assert_eq!(said_instead(other), None);
        }
    }

    #[test]
    fn a_handshake_names_the_subprotocol_as_its_standard_does() {
        let plain =
            b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: a\r\nupgrade: websocket\r\n\r\n";
        let told = respelled(plain).expect("a handshake");
        assert!(find(&told, b"upgrade: websocket").is_some() && told.len() == plain.len());
        assert!(told.windows(SUBPROTOCOL.len()).any(|window| window == SUBPROTOCOL), "{told:?}");
        assert_eq!(respelled(b"HTTP/1.1 200 OK\r\nsec-websocket-protocol: a\r\n\r\n"), None);
    }
}
