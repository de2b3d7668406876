//! What this server lacks, for readiness.

use std::time::Duration;

use super::Fleet;

/// How long the database has to show that it lives.
const PING_DEADLINE: Duration = Duration::from_secs(1);

impl Fleet {
    /// The names of the parts that do not work now: `database`, `bus`. Agents are answered all the same.
    pub async fn degraded(&self) -> Vec<&'static str> {
        let ping = tokio::time::timeout(PING_DEADLINE, self.store.reader().ping());
        let database = matches!(ping.await, Ok(Ok(())));
        let parts = [("database", database), ("bus", self.bus.healthy())];
        parts.into_iter().filter(|(_, works)| !works).map(|(name, _)| name).collect()
    }

    /// Statements and transactions that the database was asked since the start: what an operation cost is the
    /// difference.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.store.statements()
    }
}
