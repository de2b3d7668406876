//! The writing half of a socket: fair among operations, and bounded in time.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SelectAll, SplitSink};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

use super::close::End;
use super::operations::{Frame, Operations};

/// What the reader hands to the writer, at most one for each message that came.
#[derive(Debug)]
pub enum Control {
    /// To be sent before any result.
    Message(Message),
    /// A new operation's messages.
    Operation(mpsc::Receiver<Frame>),
}

/// Writes until it is told to end, or can't.
pub struct Writer {
    /// The socket.
    pub sink: SplitSink<WebSocket, Message>,
    /// From the reader.
    pub controls: mpsc::Receiver<Control>,
    /// The goodbye.
    pub end: oneshot::Receiver<End>,
    /// Whose messages are still wanted.
    pub operations: Operations,
    /// How long a write may be blocked.
    pub write: Duration,
    /// How long the goodbye may take.
    pub goodbye: Duration,
}

impl Writer {
    /// Runs until the reader says how it ends, or the client takes nothing any more.
    pub async fn run(mut self) {
        // Polled in turn: an operation that has just been served waits until all others that are ready were.
        let mut frames = SelectAll::new();
        loop {
            let (message, share) = tokio::select! {
                biased;
                end = &mut self.end => return self.finish(end.unwrap_or(End::Gone)).await,
                Some(control) = self.controls.recv() => match control {
                    Control::Message(message) => (message, None),
                    Control::Operation(results) => {
                        frames.push(ReceiverStream::new(results));
                        continue;
                    }
                },
                Some(frame) = frames.next(), if !frames.is_empty() => match self.operations.admit(frame) {
                    Some((message, share)) => (message, Some(share)),
                    None => continue,
                },
            };
            if !self.send(message).await {
                return;
            }
            drop(share);
        }
    }

    /// Sends one message; answers whether to go on. A socket whose client takes nothing for too long is given up.
    async fn send(&mut self, message: Message) -> bool {
        let mut sending = pin!(timeout(self.write, self.sink.send(message)));
        let end = tokio::select! {
            sent = &mut sending => match sent {
                Ok(Ok(())) => return true,
                Ok(Err(_gone)) => return false,
                Err(_blocked) => End::try_again_later("The client reads too slowly"),
            },
            end = &mut self.end => match timeout(self.goodbye, sending).await {
                Ok(Ok(Ok(()))) => end.unwrap_or(End::Gone),
                _ => return false,
            },
        };
        self.finish(end).await;
        false
    }

    async fn finish(&mut self, end: End) {
        let goodbye = async {
            if let Some(frame) = end.frame() {
                self.sink.send(Message::Close(Some(frame))).await?;
            }
            self.sink.close().await
        };
        // The client may be gone or take nothing: then nobody misses the goodbye.
        let _ = timeout(self.goodbye, goodbye).await;
    }
}
