//! GraphQL on the wire: HTTP, server-sent events and WebSocket.
//!
//! The library's own handlers run mutations by GET and from any content type, read bodies without a limit, and speak
//! the socket protocol incompletely; so requests are read, checked and answered here, and only executed there. Of
//! `async-graphql-axum` the decoding of a JSON body is used, once the body was measured and its type checked.

pub mod settings;
pub mod holder;
pub mod points;
pub mod refusal;
pub mod negotiate;
pub mod unique;
pub mod cookie;
pub mod identity;

pub mod errors;
pub mod encode;
pub mod engine;

pub mod streamed;
pub mod events;
pub mod http;
pub mod socket;

#[cfg(test)]
mod tests;

pub use settings::{CostSettings, SocketSettings, TransportSettings};

use std::sync::Arc;

use self::engine::Engine;
use self::identity::Identity;
use self::socket::seats::Seats;

/// What all requests share.
pub struct Transport<E> {
    pub(super) engine: Engine<E>,
    pub(super) identity: Identity,
    pub(super) settings: TransportSettings,
    pub(super) seats: Seats,
}

impl<E> Transport<E> {
    /// A transport on which nobody sits yet.
    #[must_use]
    pub fn new(engine: Engine<E>, identity: Identity, settings: TransportSettings) -> Arc<Self> {
        Arc::new(Self { engine, identity, settings, seats: Seats::default() })
    }
}
