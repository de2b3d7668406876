//! The schema: built for the server, printed for everybody.

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

use crate::fleet::Fleet;

/// The executable schema; a cheap handle.
pub type MusterSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// Reads.
#[derive(Default)]
pub struct Query;

/// Reads.
#[Object]
impl Query {
    /// The caller; null when not signed in.
    async fn viewer(&self) -> Option<bool> {
        None
    }
}

/// The schema over a core. Every request needs [`RequestContext::attach`](super::context::RequestContext::attach).
#[must_use]
pub fn build(fleet: Fleet) -> MusterSchema {
    Schema::build(Query, EmptyMutation, EmptySubscription).data(fleet).finish()
}
