//! A check-in: presence, then what the host still owes. Memory only.

use std::sync::Arc;

use entity::id::CampaignId;

use super::Fleet;
use super::presence::ContactKind;
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
    /// Notes contact of the host, and what it was for.
    pub fn host_seen(&self, host: &KnownHost, kind: ContactKind) {
        self.presence.seen(host.id, Some(kind), self.clock.now());
    }
}
