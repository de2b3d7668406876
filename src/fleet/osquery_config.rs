//! The configuration a host gets: deliberate, byte-stable.

use bytes::Bytes;
use serde_json::json;

use super::Fleet;
use super::roster::KnownHost;

/// Seconds between two posts of log lines.
const LOGGER_PERIOD_S: u64 = 10;

impl Fleet {
    /// The configuration object of a host, as compact JSON; the same bytes while nothing changed.
    ///
    /// Members keep their order, for other bytes make an agent rebuild its schedule, and numbers are integers, for
    /// it misreads others. `schedule` is there although it is empty: an agent must see that this is on purpose.
    #[must_use]
    pub fn osquery_config(&self, _host: &KnownHost) -> Bytes {
        let configuration = json!({
            "options": {
                "disable_distributed": false,
                "distributed_plugin": "tls",
                "distributed_interval": self.settings.check_in_interval.as_secs().max(1),
                "distributed_tls_read_endpoint": "/api/osquery/distributed/read",
                "distributed_tls_write_endpoint": "/api/osquery/distributed/write",
                "distributed_tls_max_attempts": 3,
                "logger_tls_endpoint": "/api/osquery/log",
                "logger_tls_period": LOGGER_PERIOD_S,
            },
            "schedule": {},
        });
        configuration.to_string().into()
    }
}
