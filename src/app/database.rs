//! The database: where it is, and how a server starts before it.

use std::path::Path;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::fleet::Fleet;
use crate::store::StoreError;

/// Pause between two tries to reach the database.
const PAUSE: Duration = Duration::from_millis(250);

/// How long connections may take to end.
const CLOSING: Duration = Duration::from_secs(1);

/// The URL of the configured database, else of the SQLite file in the data directory.
pub(super) fn url(config: &Config, data: &Path) -> String {
    match &config.database.url {
        Some(url) => url.reveal().to_owned(),
        None => format!("sqlite://{}?mode=rwc", data.join("muster.db").display()),
    }
}

/// Opens the database; where it is away, says so and leaves it to [`keep_trying`].
pub(super) async fn open_or_wait(fleet: &Fleet) -> Result<(), StoreError> {
    match fleet.open_database().await {
        Err(error) if error.is_passing() => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the database is away; agents are told to try again until it is there");
            Ok(())
        }
        opened => opened,
    }
}

/// Tries to open the database until it is there, or until `shutdown`. One that can't be used, as a newer version
/// brought it further, is no reason to go on: then everything else is shut down too.
pub(super) async fn keep_trying(fleet: &Fleet, shutdown: &CancellationToken) -> Result<(), StoreError> {
    while !fleet.database_is_open() {
        let Some(opened) = shutdown.run_until_cancelled(fleet.open_database()).await else { return Ok(()) };
        match opened {
            Ok(()) => tracing::info!("the database is there"),
            Err(error) if error.is_passing() => {
                shutdown.run_until_cancelled(sleep(PAUSE)).await;
            }
            Err(error) => {
                shutdown.cancel();
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Ends the connections in order, unless the database makes that long: PostgreSQL sees them go, SQLite folds its log in.
pub(super) async fn close(fleet: &Fleet) {
    if let Ok(Err(error)) = timeout(CLOSING, fleet.close_database()).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the connections to the database did not end well"
        );
    }
}
