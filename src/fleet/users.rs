//! Users and their API tokens.

use std::collections::HashMap;
use std::time::Duration;

use entity::id::{PublicId, UserId};

use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::{Actor, Role, Roles};

/// A user as others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Inside id.
    pub id: UserId,
    /// Outside id, `usr_…`.
    pub public_id: PublicId,
    /// Name to show.
    pub name: String,
    /// E-mail; none when the viewer may not see it: users see their own, admins everybody's.
    pub email: Option<String>,
    /// Roles.
    pub roles: Roles,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An API token without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Outside id, `tok_…`.
    pub public_id: PublicId,
    /// Name to show.
    pub name: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A user to make.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// E-mail, in any case; unique.
    pub email: String,
    /// Name to show.
    pub name: String,
    /// Password: 12 characters at least, 128 at most.
    pub password: String,
    /// The role.
    pub role: Role,
    /// Team the role is for; global when none.
    pub team: Option<PublicId>,
}

impl Fleet {
    /// Users by inside id, for `createdBy` edges: names for everyone who is signed in.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users_by_ids(
        &self,
        _actor: &Actor,
        _ids: &[UserId],
    ) -> Result<HashMap<UserId, User>, FleetError> {
        todo!()
    }

    /// Users by outside id: the actor's own, or anybody for admins.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, User>, FleetError> {
        todo!()
    }

    /// The API token the actor came with; none for a session.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn api_token_of(&self, _actor: &Actor) -> Result<Option<ApiToken>, FleetError> {
        todo!()
    }

    /// Every user, by e-mail.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn users(&self, _actor: &Actor) -> Result<Vec<User>, FleetError> {
        todo!()
    }

    /// Makes a user with one role.
    ///
    /// # Errors
    /// Denied; rejected (`email`: no e-mail, taken; `name`; `password`; `teamId`); unavailable.
    pub async fn create_user(&self, _actor: &Actor, _new: NewUser) -> Result<User, FleetError> {
        todo!()
    }

    /// Makes an API token that acts as the user of that e-mail, and answers its text, this once.
    ///
    /// # Errors
    /// Denied; rejected (`email`, `expires`: up to 3,650 days); unavailable.
    pub async fn create_api_token(
        &self,
        _actor: &Actor,
        _email: &str,
        _name: &str,
        _expires_in: Duration,
    ) -> Result<(ApiToken, String), FleetError> {
        todo!()
    }
}
