//! What this server lacks, for readiness, and how it is, for metrics.

use std::future::Future;
use std::time::Duration;

use super::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::{StoreError, hosts};

/// How long the database has to show that it lives.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// Numbers of this server's memory, as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readings {
    /// Node keys on the roster.
    pub roster_keys: u64,
    /// Running campaigns on the board.
    pub campaigns: u64,
    /// Hosts that they still await, added up.
    pub outstanding: u64,
    /// Answers in the queue of the answer writer.
    pub answers_waiting: u64,
    /// Reports of hosts in the queue of the writer of vitals.
    pub due_waiting: u64,
    /// Streams of campaigns that are open.
    pub viewers: u64,
    /// Statements and transactions since the start.
    pub statements: u64,
    /// Connections to the database that nobody uses.
    pub idle: u64,
    /// Those that somebody uses.
    pub in_use: u64,
    /// Whether this server runs the tasks that one server runs at a time.
    pub keeps_house: bool,
}

impl Fleet {
    /// The parts that may not work while agents are answered all the same: the database, the bus, the commits of
    /// answers, the files of log lines.
    pub const PARTS: &[&'static str] = &["database", "bus", "answers", "logs"];

    /// The names of the parts that do not work now.
    pub async fn degraded(&self) -> Vec<&'static str> {
        let works = [
            self.database_answers().await,
            self.bus.healthy(),
            self.campaigns.commits_work(),
            self.spool.is_healthy(),
        ];
        Self::PARTS.iter().zip(works).filter(|(_, works)| !works).map(|(name, _)| *name).collect()
    }

    async fn database_answers(&self) -> bool {
        let ping = tokio::time::timeout(PING_DEADLINE, self.store.ping()).await;
        if ping.is_err() {
            self.store.suspect();
        }
        matches!(ping, Ok(Ok(())))
    }

    /// Watches over the database for as long as it is awaited: when it goes without a word nobody waits for it, and when
    /// it is back it is used at once.
    ///
    /// # Errors
    /// When its URL can't be read.
    pub async fn watch_database(&self) -> Result<(), StoreError> {
        self.store.watch().await
    }

    /// Whether the database has said nothing for some seconds.
    #[must_use]
    pub fn database_is_silent(&self) -> bool {
        self.store.is_silent()
    }

    /// Waits for something as long as the database does not fall silent.
    ///
    /// # Errors
    /// Unavailable when it does, and those of what is awaited.
    pub async fn unless_database_silent<T>(
        &self,
        done: impl Future<Output = Result<T, FleetError>>,
    ) -> Result<T, FleetError> {
        self.store.unless_silent(done).await
    }

    /// Brings the database up to this version; from then on it is used.
    ///
    /// # Errors
    /// When it is away, or newer than this version.
    pub async fn open_database(&self) -> Result<(), StoreError> {
        self.store.migrate().await
    }

    /// Ends every connection to the database, the last thing of all.
    ///
    /// # Errors
    /// When one can't be ended.
    pub async fn close_database(&self) -> Result<(), StoreError> {
        self.store.close().await
    }

    /// Notes that something waited for the database for too long.
    #[must_use]
    pub fn waited_in_vain(&self) -> FleetError {
        self.store.suspect();
        FleetError::Unavailable(StoreError::Late)
    }

    /// Whether the database was reached once, and is used.
    #[must_use]
    pub fn database_is_open(&self) -> bool {
        self.store.is_open()
    }

    /// Waits until it is.
    pub async fn database_opened(&self) {
        self.store.opened().await;
    }

    /// Whether everything that checks-ins need was loaded once.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.changes.is_loaded()
    }

    /// Numbers of this server's memory.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let (campaigns, outstanding) = self.campaigns.board_size();
        let (idle, in_use) = self.store.connections();
        Readings {
            roster_keys: self.roster.size(),
            campaigns,
            outstanding,
            answers_waiting: self.campaigns.answers_waiting(),
            due_waiting: self.due.queue.waiting(),
            viewers: self.campaigns.viewers(),
            statements: self.store.statements(),
            idle,
            in_use,
            keeps_house: self.keeps_house(),
        }
    }

    /// How many hosts there are of each status, by the stored times.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn hosts_by_status(&self) -> Result<[(&'static str, u64); 3], FleetError> {
        let freshness = self.freshness();
        let [online, offline, missing] =
            hosts::count_by_status(self.store.reader(), &Scope::system(), &freshness).await?;
        Ok([("online", online), ("offline", offline), ("missing", missing)])
    }

    /// Statements and transactions that the database was asked since the start: what an operation cost is the
    /// difference.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.store.statements()
    }
}

#[cfg(test)]
mod tests {
    use crate::fleet::testing::TestFleet;

    #[tokio::test]
    async fn a_server_is_loaded_once_it_has_looked() {
        let running = TestFleet::new().await;
        let fleet = running.starting().await;
        assert!(!fleet.is_loaded());
        fleet.catch_up().await.expect("the store answers");
        assert!(fleet.is_loaded());
        assert_eq!(fleet.degraded().await, Vec::<&str>::new());
        let hosts = fleet.hosts_by_status().await.expect("the store answers");
        assert_eq!(hosts, [("online", 0), ("offline", 0), ("missing", 0)]);
        let readings = fleet.readings();
        assert!(readings.statements > 0 && readings.idle + readings.in_use > 0, "{readings:?}");
    }
}
