//! What the core stands on: the bus, and the data directory.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use super::AppError;
use crate::auth::keys::new_public_id;
use crate::bus::{Bus, LocalBus, RedisBus, RedisSettings};
use crate::config::Config;

/// The bus: over Redis when it is configured, else inside this server.
pub(super) async fn bus(config: &Config) -> Result<Arc<dyn Bus>, AppError> {
    let Some(url) = &config.redis.url else { return Ok(Arc::new(LocalBus::default())) };
    let settings = RedisSettings {
        url: url.reveal().to_owned(),
        ca: config.redis.ca.clone(),
        namespace: config.redis.namespace.clone(),
        server: new_public_id("srv").0,
        recent_bytes: config.redis.recent_bytes.in_memory(),
        recent_time: config.redis.recent_time,
    };
    Ok(Arc::new(RedisBus::start(&settings).await?))
}

/// Makes the data directory, private to this user, unless it is there; and sees that it can be written.
pub(super) fn data_directory(path: &Path) -> Result<&Path, AppError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| tempfile::tempfile_in(path).map(drop))
        .map_err(|source| AppError::Data { path: path.to_owned(), source })?;
    Ok(path)
}
