//! The keys that sign access tokens: a new one signs from the moment it is made, on every server; what earlier ones
//! signed holds until it ends by itself, or not any more.

use std::sync::Arc;

use entity::id::{SigningKeyId, TeamId};
use entity::kind::ChangeKind;
use entity::signing_keys::ActiveModel;
pub use entity::signing_keys::Model as SigningKey;
use sea_orm::ActiveValue::{NotSet, Set};
use serde_json::json;

use crate::auth::AccessTokens;
use crate::fleet::activity::NewActivity;
use crate::fleet::memory::Memory;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{changes, signing_keys};

/// The key that every installation begins with; it has no row.
const FIRST: SigningKeyId = SigningKeyId(0);

/// The keys in force, in memory.
pub struct SigningKeys(Memory<(), Arc<AccessTokens>>);

impl Default for SigningKeys {
    fn default() -> Self {
        Self(Memory::new(2))
    }
}

impl SigningKeys {
    /// The keys may have changed.
    pub(in crate::fleet) fn forget(&self) {
        self.0.forget_all();
    }
}

impl Fleet {
    /// Puts a new signing key in force on every server. What the keys before it signed holds until it ends by itself,
    /// within the life of an access token; `at_once`, it ends now, and clients refresh.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn rotate_signing_key(&self, actor: &Actor, at_once: bool) -> Result<SigningKey, FleetError> {
        allow(actor, Action::ManageSettings, Some(TeamId::NONE))?;
        let now = self.clock.now();
        let earlier_until = if at_once { now } else { now.plus(self.settings.access_token_ttl) };
        let tx = self.store.begin().await?;
        let row = ActiveModel { id: NotSet, created_at: Set(now), earlier_until: Set(earlier_until) };
        let key = signing_keys::insert(&tx, row).await?;
        let activity = NewActivity {
            kind: "signing_key.rotated",
            team: None,
            subject: None,
            details: json!({ "kid": key.id.to_string(), "at_once": at_once }),
        };
        self.record_activity(&tx, actor, activity).await?;
        changes::record(&tx, &[(ChangeKind::SigningKey, key.id.0)]).await?;
        tx.commit().await?;
        self.signing_keys.forget();
        self.announce().await;
        Ok(key)
    }

    /// Access tokens under the keys in force. From memory once they were read.
    pub(super) async fn access_tokens(&self) -> Result<Arc<AccessTokens>, FleetError> {
        let memory = &self.signing_keys.0;
        if let Some(known) = memory.get(&()) {
            return Ok(known);
        }
        let generation = memory.generation();
        let rows = signing_keys::all(self.store.reader(), &Scope::system()).await?;
        let tokens = Arc::new(self.keyed(&rows));
        memory.keep(generation, (), Arc::clone(&tokens));
        Ok(tokens)
    }

    /// Each key holds until the earliest time that a later one gives it.
    fn keyed(&self, rows: &[SigningKey]) -> AccessTokens {
        let newest = rows.last().map_or(FIRST, |key| key.id);
        let ids = [FIRST].into_iter().chain(rows.iter().map(|key| key.id));
        let earlier = ids.enumerate().filter_map(|(at, id)| {
            let until = rows.get(at..)?.iter().map(|later| later.earlier_until).min()?;
            Some((id, until))
        });
        self.keys.access_tokens(newest, earlier)
    }
}
