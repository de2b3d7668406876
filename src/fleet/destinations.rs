//! Destinations of log lines: those of the configuration, and those that administrators made.
//!
//! The latter are kept as one sealed value of the settings, for they hold credentials; each server ships its own spool
//! to all of them.

mod book;
mod run;

use entity::id::{PublicId, TeamId};
use serde_json::{Value, json};

use super::idempotency::Keyed;
use super::{Fleet, FleetError, RejectionCode};
use crate::clock::Timestamp;
use crate::destination::Replay;
use crate::destination::secret::{kept, masked};
pub use crate::destination::{Definition, State, Status};
use crate::policy::{Action, Actor, allow};
use book::Entry;

/// Destinations at most.
const MOST: usize = 50;

/// A destination as it is shown.
#[derive(Clone, Debug)]
pub struct Destination {
    /// What it is.
    pub definition: Definition,
    /// Its keys, credentials masked.
    pub options: Value,
    /// Whether it stands in the configuration.
    pub is_configured: bool,
    /// Counts its changes, from 1.
    pub version: i32,
    /// How it is doing on this server; none where it does not run here yet.
    pub status: Option<Status>,
}

impl Fleet {
    /// Every destination, by name: none for who may not see what is global.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn destinations(&self, actor: &Actor) -> Result<Vec<Destination>, FleetError> {
        let scope = allow(actor, Action::ReadDestinations, None)?;
        if !scope.includes(TeamId::NONE) {
            return Ok(Vec::new());
        }
        let book = self.book(&scope).await?;
        let mut statuses = self.shipping.statuses().await;
        let shown = self.wanted(&book).into_iter().map(|wanted| {
            let name = &wanted.definition.name;
            let entry = book.entries.get(name).cloned().unwrap_or_default();
            let status = statuses.remove(name);
            let is_configured = entry.options.is_none();
            let options = entry.options.unwrap_or_else(|| wanted.definition.options());
            let (options, version) = (masked(options), entry.version.max(1));
            Destination { definition: wanted.definition, options, is_configured, version, status }
        });
        Ok(shown.collect())
    }

    /// Makes a destination.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `options`, `idempotencyKey`); unavailable.
    pub async fn create_destination(
        &self,
        actor: &Actor,
        (name, options): (&str, Value),
        idempotency_key: Option<&str>,
    ) -> Result<Destination, FleetError> {
        let input = json!([name, options]).to_string().into_bytes();
        let request = Keyed { operation: "createDestination", key: idempotency_key, input };
        let (tx, mut book) = self.open_book(actor).await?;
        if self.recall(&tx, actor, &request).await?.is_none() {
            checked(name, &options)?;
            let is_taken = book.entries.get(name).is_some_and(|entry| entry.options.is_some());
            if is_taken || self.is_configured(name) {
                return Err(rejected(
                    RejectionCode::NotUnique,
                    "name",
                    "there is a destination of this name",
                ));
            }
            if book.entries.len() >= MOST {
                return Err(rejected(
                    RejectionCode::LimitExceeded,
                    "name",
                    "there are 50 destinations already",
                ));
            }
            let entry = Entry { options: Some(options), version: 1, ..Entry::default() };
            book.entries.insert(name.to_owned(), entry);
            self.remember(&tx, actor, &request, &PublicId(name.to_owned())).await?;
            self.close_book(tx, actor, &book, ("destination.created", name)).await?;
        }
        self.shown(actor, name).await
    }

    /// Changes a destination: its keys as a whole. A credential that is given as it is shown stays as it is.
    ///
    /// # Errors
    /// Denied; rejected (`name`, `options`, `expectedVersion`); unavailable.
    pub async fn update_destination(
        &self,
        actor: &Actor,
        (name, options): (&str, Value),
        expected_version: Option<i32>,
    ) -> Result<Destination, FleetError> {
        let (tx, mut book) = self.open_book(actor).await?;
        let entry = book.entries.get_mut(name).filter(|entry| entry.options.is_some());
        let entry = entry.ok_or_else(|| self.unknown(name))?;
        if expected_version.is_some_and(|version| version != entry.version) {
            let message = format!("the destination has version {} now", entry.version);
            return Err(rejected(RejectionCode::VersionConflict, "expectedVersion", message));
        }
        let options = kept(options, entry.options.as_ref().unwrap_or(&Value::Null));
        checked(name, &options)?;
        entry.options = Some(options);
        entry.version = entry.version.saturating_add(1);
        self.close_book(tx, actor, &book, ("destination.updated", name)).await?;
        self.shown(actor, name).await
    }

    /// Deletes a destination; lines that it has not got are not shipped to it any more.
    ///
    /// # Errors
    /// Denied; rejected (`name`); unavailable.
    pub async fn delete_destination(&self, actor: &Actor, name: &str) -> Result<String, FleetError> {
        let (tx, mut book) = self.open_book(actor).await?;
        let removed = book.entries.get(name).is_some_and(|entry| entry.options.is_some());
        if !removed {
            return Err(self.unknown(name));
        }
        book.entries.remove(name);
        self.close_book(tx, actor, &book, ("destination.deleted", name)).await?;
        Ok(name.to_owned())
    }

    /// Stops to ship to a destination; its lines wait in the spool.
    ///
    /// # Errors
    /// Denied; rejected (`name`); unavailable.
    pub async fn pause_destination(&self, actor: &Actor, name: &str) -> Result<Destination, FleetError> {
        self.change_entry(actor, ("destination.paused", name), |entry| entry.is_paused = true).await
    }

    /// Ships to a destination again, where it left off.
    ///
    /// # Errors
    /// Denied; rejected (`name`); unavailable.
    pub async fn resume_destination(&self, actor: &Actor, name: &str) -> Result<Destination, FleetError> {
        self.change_entry(actor, ("destination.resumed", name), |entry| entry.is_paused = false).await
    }

    /// Ships again to a destination what came at or after `from`, as far as spools still have it.
    ///
    /// # Errors
    /// Denied; rejected (`name`); unavailable.
    pub async fn replay_destination(
        &self,
        actor: &Actor,
        name: &str,
        from: Timestamp,
    ) -> Result<Destination, FleetError> {
        let again = |entry: &mut Entry| {
            let number = entry.replay.map_or(0, |replay| replay.number) + 1;
            entry.replay = Some(Replay { number, from });
        };
        self.change_entry(actor, ("destination.replayed", name), again).await
    }

    /// Sends one marked line to a destination from this server; what went wrong, if anything.
    ///
    /// # Errors
    /// Denied; rejected (`name`); unavailable.
    pub async fn test_destination(&self, actor: &Actor, name: &str) -> Result<Option<String>, FleetError> {
        allow(actor, Action::ManageDestinations, Some(TeamId::NONE))?;
        let outcome = self.shipping.test(name).await.ok_or_else(|| self.unknown(name))?;
        Ok(outcome.err())
    }

    fn is_configured(&self, name: &str) -> bool {
        self.settings.destinations.iter().any(|configured| configured.name == name)
    }

    async fn change_entry(
        &self,
        actor: &Actor,
        (kind, name): (&'static str, &str),
        change: impl FnOnce(&mut Entry),
    ) -> Result<Destination, FleetError> {
        let (tx, mut book) = self.open_book(actor).await?;
        if !book.entries.contains_key(name) && !self.is_configured(name) {
            return Err(self.unknown(name));
        }
        let entry = book.entries.entry(name.to_owned()).or_default();
        change(entry);
        entry.version = entry.version.saturating_add(1);
        self.close_book(tx, actor, &book, (kind, name)).await?;
        self.shown(actor, name).await
    }

    async fn shown(&self, actor: &Actor, name: &str) -> Result<Destination, FleetError> {
        let all = self.destinations(actor).await?;
        let found = all.into_iter().find(|destination| destination.definition.name == name);
        found.ok_or(FleetError::NotFound("destination"))
    }

    fn unknown(&self, name: &str) -> FleetError {
        let message = if self.is_configured(name) {
            "this destination stands in the configuration of the server, and is changed there"
        } else {
            "there is no destination of this name"
        };
        rejected(RejectionCode::NotFound, "name", message)
    }
}

/// Whether the keys are those of a destination that the API may set.
fn checked(name: &str, options: &Value) -> Result<(), FleetError> {
    let invalid = |path, reason: String| rejected(RejectionCode::Invalid, path, reason);
    if !Definition::is_name(name) {
        return Err(invalid("name", "a name has 1 to 50 lower-case letters, digits and -".to_owned()));
    }
    let definition =
        Definition::read(name, &options.to_string()).map_err(|reason| invalid("options", reason))?;
    definition.target.may_be_set_by_api().map_err(|reason| invalid("options", reason))
}

fn rejected(code: RejectionCode, path: &'static str, message: impl Into<String>) -> FleetError {
    FleetError::rejected(code, path, message)
}
