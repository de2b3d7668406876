//! The operations of one socket: which ids run, and whether a result still belongs to one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::Message;
use tokio_util::sync::CancellationToken;

use super::load::Share;

/// The running operations; shared by the reader, which starts and ends them, and the writer, which sees the last of
/// each. A cheap handle. The lock is held for a look-up only.
#[derive(Clone, Debug, Default)]
pub struct Operations(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    running: HashMap<String, Ticket>,
    started: u64,
}

/// A running operation. An id can be used again; the number can't.
#[derive(Clone, Debug)]
pub struct Ticket {
    number: u64,
    /// Cancelled when the client ends the operation.
    pub ended: CancellationToken,
}

/// A message of an operation.
#[derive(Debug)]
pub struct Frame {
    /// The id of the operation.
    pub id: String,
    /// The operation.
    pub ticket: Ticket,
    /// What is sent.
    pub message: Message,
    /// Its part of what is under way, until it was sent.
    pub share: Share,
    /// Whether it is the last.
    pub place: Place,
}

/// Where a message stands in its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Others follow.
    More,
    /// The id is free once it was sent.
    Last,
}

/// Why an operation can't start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The id is in use.
    Duplicate,
    /// As many run as may.
    TooMany,
}

impl Operations {
    /// Starts an operation.
    ///
    /// # Errors
    /// When the id is in use, or `limit` run.
    pub fn begin(&self, id: &str, limit: usize) -> Result<Ticket, Refused> {
        self.with(|table| {
            if table.running.contains_key(id) {
                return Err(Refused::Duplicate);
            }
            if table.running.len() >= limit {
                return Err(Refused::TooMany);
            }
            table.started += 1;
            let ticket = Ticket { number: table.started, ended: CancellationToken::new() };
            table.running.insert(id.to_owned(), ticket.clone());
            Ok(ticket)
        })
    }

    /// Ends an operation for the client; nothing happens for an id that does not run.
    pub fn end(&self, id: &str) {
        if let Some(ticket) = self.with(|table| table.running.remove(id)) {
            ticket.ended.cancel();
        }
    }

    /// The message to send; none when the client ended its operation meanwhile.
    #[must_use]
    pub fn admit(&self, frame: Frame) -> Option<(Message, Share)> {
        self.with(|table| {
            table.running.get(&frame.id).filter(|ticket| ticket.number == frame.ticket.number)?;
            if frame.place == Place::Last {
                table.running.remove(&frame.id);
            }
            Some((frame.message, frame.share))
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::Load;
    use super::*;

    fn frame(ticket: &Ticket, place: Place) -> Frame {
        let (message, share) = (Message::text("x"), Load::default().add(1));
        Frame { id: "a".to_owned(), ticket: ticket.clone(), message, share, place }
    }

    #[test]
    fn ids_are_unique_bounded_and_reusable() {
        let operations = Operations::default();
        let ticket = operations.begin("a", 1).expect("the first");
        assert_eq!(operations.begin("a", 1).err(), Some(Refused::Duplicate));
        assert_eq!(operations.begin("b", 1).err(), Some(Refused::TooMany));
        assert!(operations.admit(frame(&ticket, Place::Last)).is_some());
        assert!(operations.begin("a", 1).is_ok());
    }

    #[test]
    fn an_ended_operation_is_silent_also_after_its_id_is_used_again() {
        let operations = Operations::default();
        let old = operations.begin("a", 9).expect("the first");
        operations.end("a");
        assert!(old.ended.is_cancelled());
        let new = operations.begin("a", 9).expect("free again");
        assert!(operations.admit(frame(&old, Place::Last)).is_none());
        assert!(operations.admit(frame(&new, Place::More)).is_some());
        operations.end("unknown");
    }
}
