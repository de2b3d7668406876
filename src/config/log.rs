//! Section `log`: logs of this process.

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Setting;

/// Logs of this process.
#[derive(Clone, Debug)]
pub struct Log {
    /// How a log line looks.
    pub format: LogFormat,
    /// Which events are logged, in the syntax of `RUST_LOG`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const EXPECTED: &'static str = "pretty or json";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "pretty" => Some(Self::Pretty),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Log {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { format: values.get("log.format")?, filter: values.get("log.filter")? })
    }
}
