//! One operation of a socket, as a task of its own.

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request};
use axum::extract::ws::Message;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::load::Load;
use super::message::ServerMessage;
use super::operations::{Frame, Place, Ticket};
use crate::graphql::context::RequestContext;
use crate::graphql::transport::engine::{Engine, Outcome, Prepared, Unprepared};
use crate::graphql::transport::errors::Dress;

/// An operation that was begun.
pub struct Operation {
    /// The id the client gave it.
    pub id: String,
    /// Tells it from others of that id.
    pub ticket: Ticket,
    /// Where its messages wait for the writer; when full, the operation waits.
    pub results: mpsc::Sender<Frame>,
    /// How much of it is under way.
    pub load: Load,
}

impl Operation {
    /// Runs to its end, or until the client or the socket ends it.
    pub async fn run<E: Executor>(self, engine: Engine<E>, request: Request, context: RequestContext) {
        let span = tracing::info_span!("graphql", request.id = %context.request_id);
        let ended = self.ticket.ended.clone();
        // In a box: what runs until it is cancelled is held three times over.
        let executing = Box::pin(self.execute(engine, request, context).instrument(span));
        ended.run_until_cancelled_owned(executing).await;
    }

    async fn execute<E: Executor>(self, engine: Engine<E>, request: Request, context: RequestContext) {
        let dress = Dress { request_id: context.request_id.clone(), suggests: false, limit: 1 };
        match engine.prepare(request, context) {
            Err(Unprepared::Document(errors)) => self.send(&Outcome::Refused(errors)).await,
            Err(Unprepared::Caller(refusal)) => {
                let errors = dress.refused(vec![refusal.to_error()]);
                self.send(&Outcome::Refused(errors)).await;
            }
            Ok(prepared) if prepared.operation == OperationType::Subscription => {
                self.stream(&engine, prepared).await;
            }
            Ok(prepared) => {
                let outcome = engine.execute(prepared).await;
                self.send(&outcome).await;
                self.complete(&outcome).await;
            }
        }
    }

    async fn stream<E: Executor>(&self, engine: &Engine<E>, prepared: Prepared) {
        let mut events = std::pin::pin!(engine.subscribe(prepared));
        loop {
            self.load.is_light().await;
            let Some(outcome) = events.next().await else { break };
            self.send(&outcome).await;
            if matches!(outcome, Outcome::Refused(_)) {
                return;
            }
        }
        self.frame(&ServerMessage::Complete { id: &self.id }, Place::Last).await;
    }

    async fn send(&self, outcome: &Outcome) {
        let place = if matches!(outcome, Outcome::Refused(_)) { Place::Last } else { Place::More };
        self.frame(&ServerMessage::of(&self.id, outcome), place).await;
    }

    /// Nothing follows an error.
    async fn complete(&self, outcome: &Outcome) {
        if matches!(outcome, Outcome::Executed(_)) {
            self.frame(&ServerMessage::Complete { id: &self.id }, Place::Last).await;
        }
    }

    async fn frame(&self, message: &ServerMessage<'_>, place: Place) {
        let message = message.encode();
        let bytes = if let Message::Text(text) = &message { text.len() } else { 0 };
        let (id, share) = (self.id.clone(), self.load.add(bytes));
        let frame = Frame { id, ticket: self.ticket.clone(), message, share, place };
        // A writer that is gone takes the socket, and this task, with it.
        let _ = self.results.send(frame).await;
    }
}
