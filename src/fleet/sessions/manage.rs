//! Sessions as their user sees them: where they were begun, and their end.

use std::collections::HashMap;

use entity::id::{PublicId, TeamId};
pub use entity::sessions::Model as Session;

use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Credential, Denied, Scope, UserActor, allow};
use crate::store::sessions;

impl Fleet {
    /// A page of the actor's sessions that have not ended, newest first.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn sessions_of(&self, actor: &Actor, page: PageRequest) -> Result<Page<Session>, FleetError> {
        let user = account_holder(actor)?;
        let now = self.clock.now();
        Ok(sessions::page_of_user(self.store.reader(), &Scope::system(), user.id, now, &page).await?)
    }

    /// The actor's sessions by outside id, if they have not ended; anybody's for those who manage every user.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn sessions_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Session>, FleetError> {
        let user = account_holder(actor)?;
        let manages = allow(actor, Action::ManageUsers, Some(TeamId::NONE)).is_ok();
        let (db, now) = (self.store.reader(), self.clock.now());
        let found = sessions::live_by_public_ids(db, &Scope::system(), ids, now).await?;
        let visible = found.into_iter().filter(|session| manages || session.user_id == user.id);
        Ok(visible.map(|session| (session.public_id.clone(), session)).collect())
    }

    /// Ends a session of the actor, or of anybody for those who manage every user.
    ///
    /// # Errors
    /// Denied; not found; unavailable.
    pub async fn revoke_session(&self, actor: &Actor, id: &PublicId) -> Result<(), FleetError> {
        let mut found = self.sessions_by_public_ids(actor, std::slice::from_ref(id)).await?;
        let session = found.remove(id).ok_or(FleetError::NotFound("session"))?;
        let tx = self.store.begin().await?;
        self.end_session(tx, actor, &session, "revoked").await
    }

    /// Whether it is the session that the actor came with.
    #[must_use]
    pub fn is_own_session(&self, actor: &Actor, session: &Session) -> bool {
        matches!(actor, Actor::User(user) if user.credential == Credential::Session(session.id))
    }
}

/// The user that the actor is, with a credential for the account itself.
///
/// # Errors
/// Denied when nobody has signed in, and for a token that is less than its user.
pub(in crate::fleet) fn account_holder(actor: &Actor) -> Result<&UserActor, Denied> {
    match actor {
        Actor::User(user) if user.credential.is_whole() => Ok(user),
        Actor::Anonymous => Err(Denied::Unauthenticated),
        Actor::User(_) | Actor::Host(_) | Actor::System => Err(Denied::Forbidden),
    }
}
