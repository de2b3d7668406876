//! How lines are gathered, and what suits each type of destination.

use std::time::Duration;

use super::Target;
use crate::destination::syslog::Transport;

/// How lines are gathered, and tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Lines delivered at once at most.
    pub max_lines: usize,
    /// Bytes delivered at once at most, unless one line alone is longer.
    pub max_bytes: usize,
    /// How long the first line waits for others.
    pub max_delay: Duration,
    /// How long is waited after a first failure; twice as long after each further one.
    pub retry_min: Duration,
    /// How long is waited at most.
    pub retry_max: Duration,
    /// Answers of a destination that says it may work later, after which lines are parked; none: tried for ever.
    pub max_tries: Option<u32>,
}

impl Target {
    /// What suits it.
    pub(super) fn batching(&self) -> Batching {
        let prompt = Batching {
            max_lines: 10_000,
            max_bytes: 4 << 20,
            max_delay: Duration::ZERO,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_mins(5),
            max_tries: None,
        };
        match self {
            Self::File(_) | Self::Stdout(_) | Self::Broken(_) => prompt,
            // One datagram that can't be sent is to cost few others.
            Self::Syslog(target) if target.transport == Transport::Udp => {
                Batching { max_lines: 100, ..prompt }
            }
            Self::Syslog(_) => Batching { max_lines: 1_000, max_bytes: 1 << 20, ..prompt },
            Self::Nats(_) => Batching { max_lines: 500, max_bytes: 1 << 20, ..prompt },
            // Brokers take 1 MiB for a partition unless somebody set more.
            Self::Kafka(_) => Batching {
                max_lines: 2_000,
                max_bytes: 768 << 10,
                max_delay: Duration::from_millis(500),
                ..prompt
            },
            // Answers tell of each line, and are read up to a limit.
            Self::Kinesis(_) | Self::Firehose(_) => {
                Batching { max_lines: 200, max_bytes: 2 << 20, max_delay: Duration::from_secs(1), ..prompt }
            }
            Self::S3(_) => Batching {
                max_lines: 100_000,
                max_bytes: 16 << 20,
                max_delay: Duration::from_mins(1),
                ..prompt
            },
            Self::Http(_) => {
                Batching { max_lines: 1_000, max_bytes: 1 << 20, max_delay: Duration::from_secs(1), ..prompt }
            }
        }
    }
}
