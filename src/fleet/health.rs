//! What this server lacks, for readiness.

use std::time::Duration;

use super::Fleet;

/// How long the database has to show that it lives.
const PING_DEADLINE: Duration = Duration::from_secs(1);

impl Fleet {
    /// The parts that may not work while agents are answered all the same.
    pub const PARTS: &[&'static str] = &["database", "bus"];

    /// The names of the parts that do not work now.
    pub async fn degraded(&self) -> Vec<&'static str> {
        let ping = tokio::time::timeout(PING_DEADLINE, self.store.reader().ping());
        let database = matches!(ping.await, Ok(Ok(())));
        let works = [database, self.bus.healthy()];
        Self::PARTS.iter().zip(works).filter(|(_, works)| !works).map(|(name, _)| *name).collect()
    }

    /// Statements and transactions that the database was asked since the start: what an operation cost is the
    /// difference.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.store.statements()
    }
}
