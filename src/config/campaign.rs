//! Section `campaign`: limits of live queries.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::ByteSize;

/// Limits of live queries.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Running campaigns at most.
    pub max_running: u64,
    /// Awaited hosts of all running campaigns at most.
    pub max_outstanding_targets: u64,
    /// Queries handed out in one check-in at most.
    pub max_offers: usize,
    /// Rows kept of one campaign at most.
    pub max_rows: i64,
    /// Bytes kept of one campaign at most.
    pub max_bytes: ByteSize,
    /// Bytes of events kept in memory for the viewers of one campaign.
    pub ring_bytes: ByteSize,
    /// Answers stored in one transaction at most.
    pub group_answers: usize,
    /// Bytes stored in one transaction at most, unless one answer alone is larger.
    pub group_bytes: ByteSize,
    /// How long the first answer of a transaction waits for others.
    pub group_delay: Duration,
    /// Time an answer has to become durable before the agent is told to send it again.
    pub answer_deadline: Duration,
    /// How long the events of a campaign are kept after its end.
    pub retention: Duration,
}

impl Campaign {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            max_running: values.get("campaign.max_running")?,
            max_outstanding_targets: values.get("campaign.max_outstanding_targets")?,
            max_offers: values.get("campaign.max_offers")?,
            max_rows: values.get("campaign.max_rows")?,
            max_bytes: values.get("campaign.max_bytes")?,
            ring_bytes: values.get("campaign.ring_bytes")?,
            group_answers: values.get("campaign.group_answers")?,
            group_bytes: values.get("campaign.group_bytes")?,
            group_delay: values.get("campaign.group_delay")?,
            answer_deadline: values.get("campaign.answer_deadline")?,
            retention: values.get("campaign.retention")?,
        })
    }
}
