//! Who is counted: for sockets and for points.

use std::net::IpAddr;

use entity::id::UserId;

use crate::fleet::enrollment::network;
use crate::policy::Actor;

/// A user over all their sessions and tokens, or, for those who did not sign in, a source: an address of IPv4, the /64 of
/// one of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A user.
    User(UserId),
    /// A source.
    Source(IpAddr),
}

impl Holder {
    /// Who an actor counts as.
    #[must_use]
    pub fn of(actor: &Actor, source: IpAddr) -> Self {
        match actor {
            Actor::User(user) => Self::User(user.id),
            Actor::Anonymous | Actor::Host(_) | Actor::System => Self::Source(network(source)),
        }
    }
}
