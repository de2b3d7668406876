//! Section `spool`: accepted log lines on their way to their destinations.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::{ByteSize, Setting};

/// Accepted log lines on their way to their destinations.
#[derive(Clone, Debug)]
pub struct Spool {
    /// Bytes on the disk at most.
    pub max_bytes: ByteSize,
    /// Lines are refused while an older one waits for a reader.
    pub max_age: Option<Duration>,
    /// How long lines are kept that every reader has.
    pub keep: Duration,
    /// When an agent is thanked for its lines.
    pub ack: Ack,
}

/// When an agent is thanked for its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// When they are durable here.
    Spool,
    /// When every destination has them.
    Destination,
}

impl Setting for Ack {
    const EXPECTED: &'static str = "spool or destination";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "spool" => Some(Self::Spool),
            "destination" => Some(Self::Destination),
            _ => None,
        }
    }
}

impl Spool {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            max_bytes: values.get("spool.max_bytes")?,
            max_age: values.get("spool.max_age")?,
            keep: values.get("spool.keep")?,
            ack: values.get("spool.ack")?,
        })
    }
}
