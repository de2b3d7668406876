//! Section `database`: SQLite or PostgreSQL.

use super::error::ConfigError;
use super::layers::Values;
use super::setting::Secret;

/// SQLite or PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`; none: SQLite in the data directory.
    pub url: Option<Secret>,
    /// Connections of the PostgreSQL pool, or readers of the SQLite pool.
    pub max_connections: u32,
}

impl Database {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            url: values.get("database.url")?,
            max_connections: values.get("database.max_connections")?,
        })
    }
}
