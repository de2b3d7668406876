//! What is kept of destinations: one sealed value of the settings.

use std::collections::BTreeMap;

use entity::id::TeamId;
use entity::kind::ChangeKind;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::destination::Replay;
use crate::destination::secret::masked;
use crate::fleet::activity::NewActivity;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{changes, settings, settings_lock};

/// The key of their value in the settings, and what it is sealed for.
const KEY: &str = "destinations";

/// What is kept of all destinations.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) entries: BTreeMap<String, Entry>,
}

/// What is kept of one.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its keys; none for one of the configuration.
    pub(super) options: Option<Value>,
    #[serde(default)]
    pub(super) is_paused: bool,
    pub(super) replay: Option<Replay>,
    #[serde(default)]
    pub(super) version: i32,
}

impl Fleet {
    /// What is kept.
    pub(super) async fn book(&self, scope: &Scope) -> Result<Book, FleetError> {
        self.opened(settings::get(self.store.reader(), scope, KEY).await?.as_deref())
    }

    fn opened(&self, sealed: Option<&str>) -> Result<Book, FleetError> {
        let Some(sealed) = sealed else { return Ok(Book::default()) };
        let opened = self.keys.open(KEY, sealed);
        let opened =
            opened.ok_or_else(|| FleetError::internal(std::io::Error::other("another master secret")))?;
        serde_json::from_slice(&opened).map_err(FleetError::internal)
    }

    /// What is kept, to be changed in a transaction that nobody else changes it in.
    pub(super) async fn open_book(&self, actor: &Actor) -> Result<(DatabaseTransaction, Book), FleetError> {
        let scope = allow(actor, Action::ManageDestinations, Some(TeamId::NONE))?;
        let tx = self.store.begin().await?;
        settings_lock(&tx).await?;
        let book = self.opened(settings::get(&tx, &scope, KEY).await?.as_deref())?;
        Ok((tx, book))
    }

    /// Keeps what was changed, tells everybody, and has it in force here.
    pub(super) async fn close_book(
        &self,
        tx: DatabaseTransaction,
        actor: &Actor,
        book: &Book,
        (kind, name): (&'static str, &str),
    ) -> Result<(), FleetError> {
        let text = serde_json::to_vec(book).map_err(FleetError::internal)?;
        settings::put(&tx, KEY, &self.keys.seal(KEY, &text)).await?;
        let options = book.entries.get(name).and_then(|entry| entry.options.clone()).map(masked);
        let details = json!({ "name": name, "options": options });
        self.record_activity(&tx, actor, NewActivity { kind, team: None, subject: None, details }).await?;
        changes::record(&tx, &[(ChangeKind::Destinations, 0)]).await?;
        tx.commit().await?;
        self.announce().await;
        if self.shipping.is_running().await {
            self.load_destinations().await?;
        }
        Ok(())
    }
}
