//! What the stream of a campaign carries.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The subscription that brings a [`Batch`] a message, each after the cursor `$after`.
pub(super) const DOCUMENT: &str = "\
subscription ($campaign: ID!, $after: String) {
  campaignEvents(campaignId: $campaign, after: $after, maxBatchSize: 1000) {
    endCursor
    isFinal
    totals { targeted responded succeeded failed outstanding rows rowsDropped }
    events {
      __typename
      cursor
      ... on CampaignHostRows { hostId hostname rows isLastChunk }
      ... on CampaignHostError { hostId hostname code message }
    }
  }
}";

/// What one message of the stream carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Batch {
    /// Events, oldest first.
    pub(in crate::cli) events: Vec<Event>,
    /// Where to go on.
    pub(in crate::cli) end_cursor: String,
    /// Newest counters.
    pub(in crate::cli) totals: Totals,
    /// Whether the campaign has ended.
    pub(in crate::cli) is_final: bool,
}

/// Counters of a campaign.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Totals {
    /// Hosts asked.
    pub(in crate::cli) targeted: u64,
    /// Hosts that answered.
    pub(in crate::cli) responded: u64,
    /// Of them, with rows, perhaps none.
    pub(in crate::cli) succeeded: u64,
    /// Of them, with an error.
    pub(in crate::cli) failed: u64,
    /// Hosts that did not answer yet.
    pub(in crate::cli) outstanding: u64,
    /// Rows kept.
    pub(in crate::cli) rows: u64,
    /// Rows dropped by a limit.
    #[serde(deserialize_with = "number_of_text")]
    pub(in crate::cli) rows_dropped: u64,
}

/// A `UInt64` of the API, which is a decimal text.
fn number_of_text<'de, D: Deserializer<'de>>(text: D) -> Result<u64, D::Error> {
    String::deserialize(text)?.parse().map_err(D::Error::custom)
}

/// What happened in a campaign.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename", rename_all_fields = "camelCase")]
pub(in crate::cli) enum Event {
    /// A chunk of rows of one host.
    #[serde(rename = "CampaignHostRows")]
    Rows {
        /// Where to go on after it.
        cursor: String,
        /// The host's id.
        host_id: String,
        /// The host's name.
        hostname: String,
        /// The rows.
        rows: Vec<Value>,
        /// Whether it is the host's last chunk.
        is_last_chunk: bool,
    },
    /// A host's failure.
    #[serde(rename = "CampaignHostError")]
    Failure {
        /// Where to go on after it.
        cursor: String,
        /// The host's id.
        host_id: String,
        /// The host's name.
        hostname: String,
        /// Kind of failure.
        code: String,
        /// osquery's words.
        message: String,
    },
    /// Anything else, the end included, which the batch tells too.
    #[serde(other)]
    Other,
}
