//! Destinations that run: as they are wanted, whoever changed them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::book::Book;
use crate::destination::{Definition, Wanted};
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::spool::LogKind;

/// How soon it is looked again when they could not be read.
const AGAIN: Duration = Duration::from_secs(1);

impl Fleet {
    /// Ships log lines until `shutdown`, to the destinations that there are at the time.
    pub async fn ship(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let mut wait = Duration::MAX;
            if let Err(error) = self.load_destinations().await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "destinations could not be read; log lines stay in the spool");
                wait = AGAIN;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.shipping.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Stops to ship; what is not delivered stays in the spool.
    pub async fn stop_shipping(&self) {
        self.shipping.stop().await;
    }

    /// Has every destination open its files again, which somebody may have moved.
    pub async fn reopen_log_files(&self) {
        self.shipping.reopen().await;
    }

    /// Another server, or this one, changed them. Those that run are changed by who ships, in its own time.
    pub(in crate::fleet) fn destinations_changed(&self) {
        self.shipping.note_change();
    }

    /// Whether anybody wants lines of this kind.
    pub(in crate::fleet) async fn wants_lines(&self, kind: LogKind) -> bool {
        self.shipping.wants(kind).await
    }

    /// Makes those run that there should be.
    pub(super) async fn load_destinations(&self) -> Result<(), FleetError> {
        let book = self.book(&Scope::system()).await?;
        self.shipping.reconcile(self.wanted(&book), &self.withheld()).await.map_err(FleetError::internal)
    }

    /// Those of the configuration, and then the others. One that was valid once and is not any more is left out with
    /// a word, and keeps its offset for as long as it is there.
    pub(super) fn wanted(&self, book: &Book) -> Vec<Wanted> {
        let configured = self.settings.destinations.iter().cloned();
        let made = book.entries.iter().filter_map(|(name, entry)| {
            let options = entry.options.as_ref()?.to_string();
            match Definition::read(name, &options) {
                Ok(definition) if !self.is_configured(name) => Some(definition),
                Ok(_) => None,
                Err(reason) => {
                    tracing::error!(destination = name, reason, "a destination is not valid");
                    Some(Definition::broken(name, &reason))
                }
            }
        });
        let wanted = configured.chain(made).map(|definition| {
            let entry = book.entries.get(&definition.name);
            let is_paused = entry.is_some_and(|entry| entry.is_paused);
            Wanted { replay: entry.and_then(|entry| entry.replay), definition, is_paused }
        });
        wanted.collect()
    }
}
