//! Edges read in batches: a page of 100 hosts costs as many statements as a page of one.

use async_graphql::dataloader::DataLoader;
use tracing::Instrument;

use crate::fleet::Fleet;
use crate::policy::Actor;

/// Batches the reads of one request; it keeps nothing, so a subscription never sees what is stale.
pub type Loaders = DataLoader<Fetch>;

/// Reads for one actor.
pub struct Fetch {
    fleet: Fleet,
    actor: Actor,
}

/// The loaders of a request of `actor`.
#[must_use]
pub fn new(fleet: Fleet, actor: Actor) -> Loaders {
    DataLoader::new(Fetch { fleet, actor }, |batch| tokio::spawn(batch.in_current_span()))
}
