//! Log lines of hosts: made durable before the agent is thanked.

use super::roster::KnownHost;
use super::{Fleet, FleetError};
pub use crate::spool::LogKind;

impl Fleet {
    /// Appends lines, each a JSON text as it came, in an envelope of host, team, received time, batch and line id;
    /// answers when they are durable. A line that is not a JSON value is set apart and counted.
    ///
    /// # Errors
    /// Unavailable: nothing may be acknowledged.
    pub async fn append_logs(
        &self,
        _host: &KnownHost,
        _kind: LogKind,
        _lines: Vec<Box<serde_json::value::RawValue>>,
    ) -> Result<(), FleetError> {
        todo!()
    }
}
