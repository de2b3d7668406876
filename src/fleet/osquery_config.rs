//! The configuration a host gets: deliberate, byte-stable.

use bytes::Bytes;
use serde::Serialize;

use super::Fleet;
use super::roster::KnownHost;

/// Seconds between two posts of log lines.
const LOGGER_PERIOD_S: u64 = 10;

/// What osquery reads; the order of the members is part of the contract: other bytes make an agent rebuild its
/// schedule.
#[derive(Serialize)]
struct Configuration {
    options: Options,
    /// Written although it is empty: an agent that gets no `schedule` on purpose must see so.
    schedule: Schedule,
}

/// Flags that osquery takes from its configuration; every number is an integer, for it misreads others.
#[derive(Serialize)]
struct Options {
    disable_distributed: bool,
    distributed_plugin: &'static str,
    distributed_interval: u64,
    distributed_tls_read_endpoint: &'static str,
    distributed_tls_write_endpoint: &'static str,
    distributed_tls_max_attempts: u64,
    logger_tls_endpoint: &'static str,
    logger_tls_period: u64,
}

/// Scheduled queries; none yet.
#[derive(Serialize)]
struct Schedule {}

impl Fleet {
    /// The configuration object of a host, as compact JSON; the same bytes while nothing changed.
    #[must_use]
    pub fn osquery_config(&self, _host: &KnownHost) -> Bytes {
        let configuration = Configuration {
            options: Options {
                disable_distributed: false,
                distributed_plugin: "tls",
                distributed_interval: self.settings.check_in_interval.as_secs().max(1),
                distributed_tls_read_endpoint: "/api/osquery/distributed/read",
                distributed_tls_write_endpoint: "/api/osquery/distributed/write",
                distributed_tls_max_attempts: 3,
                logger_tls_endpoint: "/api/osquery/log",
                logger_tls_period: LOGGER_PERIOD_S,
            },
            schedule: Schedule {},
        };
        serde_json::to_vec(&configuration).expect("structs of texts and numbers are JSON").into()
    }
}
