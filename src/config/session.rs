//! Section `session`: people's credentials.

use std::time::Duration;

use super::error::ConfigError;
use super::layers::Values;
use super::setting::ByteSize;

/// People's credentials.
#[derive(Clone, Debug)]
pub struct Session {
    /// Life of an access token.
    pub access_token_ttl: Duration,
    /// Life of a refresh token.
    pub refresh_token_ttl: Duration,
    /// Memory of one argon2id password hash.
    pub password_memory: ByteSize,
}

impl Session {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            access_token_ttl: values.get("session.access_token_ttl")?,
            refresh_token_ttl: values.get("session.refresh_token_ttl")?,
            password_memory: values.get("session.password_memory")?,
        })
    }
}
