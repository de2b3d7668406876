//! The reading half of a socket: the rules of the protocol, and the timers.

use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::{Executor, Request};
use axum::Error;
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::close::End;
use super::load::Load;
use super::message::{ClientMessage, ServerMessage, authorization};
use super::operation::Operation;
use super::operations::{Operations, Refused};
use super::seats::Seat;
use super::writer::Control;
use crate::auth::keys::new_public_id;
use crate::graphql::context::{Place, RequestContext};
use crate::graphql::precheck::refusal::refusal;
use crate::graphql::transport::Transport;
use crate::graphql::transport::errors::Dress;
use crate::graphql::transport::identity::Known;

/// Messages of one operation that wait for the writer.
const OPERATION_QUEUE: usize = 2;

/// The right to hand the writer one thing.
type Permit<'a> = mpsc::Permit<'a, Control>;

/// Drives one socket.
pub struct Driver<E> {
    transport: Arc<Transport<E>>,
    operations: Operations,
    running: JoinSet<()>,
    source: IpAddr,
    /// Who the upgrade request was from.
    upgraded_by: Known,
    /// Who the socket is for, once it was acknowledged.
    session: Option<(Known, Seat)>,
    pings_unanswered: u32,
}

impl<E: Executor> Driver<E> {
    /// A driver for a fresh socket.
    #[must_use]
    pub fn new(
        transport: Arc<Transport<E>>,
        operations: Operations,
        source: IpAddr,
        upgraded_by: Known,
    ) -> Self {
        let running = JoinSet::new();
        Self { transport, operations, running, source, upgraded_by, session: None, pings_unanswered: 0 }
    }

    /// Runs until the client is gone or has to go. Operations end with it.
    pub async fn run(mut self, stream: &mut SplitStream<WebSocket>, controls: mpsc::Sender<Control>) -> End {
        let settings = self.transport.settings.socket.clone();
        let shutdown = self.transport.settings.shutdown.clone();
        let init_deadline = Instant::now() + settings.init;
        let (mut pings, mut looks) = (every(settings.ping), every(settings.identity));
        loop {
            let step = tokio::select! {
                (permit, message) = next(&controls, stream) => self.receive(message, permit).await,
                () = sleep_until(init_deadline), if self.session.is_none() => Err(End::init_timeout()),
                _ = pings.tick() => self.ping(&controls),
                _ = looks.tick() => self.look().await,
                () = shutdown.cancelled() => Err(End::restart()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn receive(
        &mut self,
        message: Option<Result<Message, Error>>,
        permit: Permit<'_>,
    ) -> Result<(), End> {
        self.pings_unanswered = 0;
        match message {
            None | Some(Ok(Message::Close(_))) => Err(End::Gone),
            Some(Err(error)) => Err(broken(&error)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Binary(_))) => Err(End::bad_message("Messages are text")),
            Some(Ok(Message::Text(text))) => {
                let limits = &self.transport.settings.socket;
                if self.session.is_none() && text.len() > limits.message_bytes_before_ack {
                    return Err(End::too_large());
                }
                self.handle(ClientMessage::parse(&text)?, permit).await
            }
        }
    }

    async fn handle(&mut self, message: ClientMessage, permit: Permit<'_>) -> Result<(), End> {
        match message {
            ClientMessage::ConnectionInit { payload } => self.init(payload.as_ref(), permit).await,
            ClientMessage::Ping { payload } => {
                permit.send(Control::Message(ServerMessage::Pong { payload }.encode()));
                Ok(())
            }
            ClientMessage::Pong { .. } => Ok(()),
            ClientMessage::Subscribe { id, payload } => {
                // An operation never begins with roles that were taken away since the socket was opened.
                self.look().await?;
                self.subscribe(id, *payload, permit)
            }
            ClientMessage::Complete { id } => {
                self.operations.end(&id);
                Ok(())
            }
        }
    }

    /// Acknowledges the connection, or refuses who asks.
    async fn init(&mut self, payload: Option<&Map<String, Value>>, permit: Permit<'_>) -> Result<(), End> {
        if self.session.is_some() {
            return Err(End::too_many_inits());
        }
        let known = match authorization(payload)? {
            None => self.upgraded_by.clone(),
            Some(value) => {
                let checking =
                    timeout(self.transport.settings.socket.init, self.transport.identity.of_value(value));
                let checked = checking.await.map_err(|_elapsed| End::try_again_later("Try again later"))?;
                checked.map_err(|refusal| End::from(&refusal))?
            }
        };
        let limit = self.transport.settings.socket.per_actor;
        let seat = self.transport.seats.take(&known.actor, self.source, limit);
        let seat = seat.ok_or_else(|| End::try_again_later("Too many sockets"))?;
        self.session = Some((known, seat));
        permit.send(Control::Message(ServerMessage::ConnectionAck.encode()));
        Ok(())
    }

    /// Starts an operation as a task of its own, or refuses that one.
    fn subscribe(&mut self, id: String, request: Request, permit: Permit<'_>) -> Result<(), End> {
        let (known, _) = self.session.as_ref().ok_or_else(End::unauthorized)?;
        let request_id = new_public_id("req").to_string();
        let limit = self.transport.settings.socket.operations;
        let ticket = match self.operations.begin(&id, limit) {
            Ok(ticket) => ticket,
            Err(Refused::Duplicate) => return Err(End::duplicate(&id)),
            Err(Refused::TooMany) => {
                let dress = Dress { request_id, suggests: false, limit: 1 };
                let message = format!("a socket runs {limit} operations at most");
                let errors = dress.refused(vec![refusal("RATE_LIMITED", message, None)]);
                permit.send(Control::Message(ServerMessage::Error { id: &id, payload: &errors }.encode()));
                return Ok(());
            }
        };
        let context = RequestContext {
            actor: known.actor.clone().from_source(self.source),
            source: self.source,
            request_id,
            agent: None,
            cookie: None,
            place: Place::default(),
        };
        let (results, queue) = mpsc::channel(OPERATION_QUEUE);
        while self.running.try_join_next().is_some() {}
        self.running.spawn(Operation { id, ticket, results, load: Load::default() }.run(
            self.transport.engine.clone(),
            request,
            context,
        ));
        permit.send(Control::Operation(queue));
        Ok(())
    }

    /// Sends a ping, unless too many were met with silence.
    fn ping(&mut self, controls: &mpsc::Sender<Control>) -> Result<(), End> {
        if self.pings_unanswered >= self.transport.settings.socket.missed_pings {
            return Err(End::Gone);
        }
        // A full queue means that the writer is at work; then nothing is missed.
        if controls.try_send(Control::Message(Message::Ping(bytes::Bytes::new()))).is_ok() {
            self.pings_unanswered += 1;
        }
        Ok(())
    }

    /// Looks whether the credential still holds.
    async fn look(&self) -> Result<(), End> {
        match &self.session {
            Some((known, _)) if !self.transport.identity.still_holds(known).await => Err(End::forbidden()),
            _ => Ok(()),
        }
    }
}

/// The next message, together with the right to answer it: a client whose answers pile up is not read.
async fn next<'a>(
    controls: &'a mpsc::Sender<Control>,
    stream: &mut SplitStream<WebSocket>,
) -> (Permit<'a>, Option<Result<Message, Error>>) {
    match controls.reserve().await {
        Ok(permit) => (permit, stream.next().await),
        Err(_writer_ended) => std::future::pending().await,
    }
}

/// Why reading failed: a message over the limit, or the connection.
fn broken(error: &Error) -> End {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too large") { End::too_large() } else { End::Gone }
}

fn every(period: std::time::Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
