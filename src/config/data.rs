//! Section `data`: where files are kept.

use std::path::PathBuf;

use super::error::ConfigError;
use super::layers::Values;

/// Where files are kept.
#[derive(Clone, Debug)]
pub struct Data {
    /// Directory of the SQLite database, the log files and the secret key.
    pub dir: PathBuf,
}

impl Data {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self { dir: values.get("data.dir")? })
    }
}
