//! The configuration a host gets: deliberate, byte-stable.

use bytes::Bytes;

use super::Fleet;
use super::roster::KnownHost;

impl Fleet {
    /// The configuration object of a host, as compact JSON; the same bytes while nothing changed.
    #[must_use]
    pub fn osquery_config(&self, _host: &KnownHost) -> Bytes {
        todo!()
    }
}
