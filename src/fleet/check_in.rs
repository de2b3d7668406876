//! A check-in: presence, then what the host still owes. Memory only.

use entity::id::CampaignId;
use std::sync::Arc;

use super::Fleet;
use super::roster::KnownHost;

/// A live query a host is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its SQL.
    pub sql: Arc<str>,
}

impl Fleet {
    /// Notes contact of the host at any endpoint.
    pub fn host_seen(&self, host: &KnownHost) {
        self.presence.seen(host.id, self.clock.now());
    }

    /// What the host is asked now: at most 20 queries, oldest campaign first; nothing while answers can't be
    /// committed.
    #[must_use]
    pub fn offers(&self, _host: &KnownHost) -> Vec<Offer> {
        todo!("owner: campaigns")
    }
}
