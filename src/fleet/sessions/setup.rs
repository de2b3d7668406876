//! The first administrator of an installation: made once, with a token from the server's own log.

use sea_orm::ActiveValue::{NotSet, Set};

use super::limits::Attempt;
use super::{SignIn, Visit};
use crate::auth::keys::new_public_id;
use crate::fleet::users::check_password;
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Actor, FIRST_ROLE, Scope};
use crate::store::users::Found;
use crate::store::{settings, users};

/// The setting that says that there was a first administrator: from then on there never is another.
const DONE: &str = "setup.done";

/// The first administrator.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// E-mail.
    pub email: String,
    /// Name to show.
    pub name: String,
    /// Password.
    pub password: String,
}

impl Fleet {
    /// What lets the first administrator in, while there is no user and was none.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn setup_token(&self) -> Result<Option<String>, FleetError> {
        Ok(self.awaits_setup().await?.then(|| self.keys.setup_token()))
    }

    /// Makes the first administrator and signs them in. Of many at once, one is.
    ///
    /// # Errors
    /// Rejected (`token`: wrong, or setup was done; `email`; `name`; `password`); rate limited as a sign-in;
    /// unavailable.
    pub async fn setup(&self, token: &str, new: FirstAdmin, visit: &Visit) -> Result<SignIn, FleetError> {
        let attempt = Attempt::new(self.keys.hash("setup"), visit.source);
        self.check_attempt(&attempt).await?;
        // Keyed hashes are compared, which takes as long for any two texts.
        let right = self.keys.hash(token) == self.keys.hash(&self.keys.setup_token());
        if !right || !self.awaits_setup().await? {
            self.record_failed_login(None, &attempt, visit.source).await?;
            return Err(refused());
        }
        let email = input::email(&new.email).ok_or_else(|| {
            FleetError::rejected(RejectionCode::Invalid, "email", "this is no e-mail address")
        })?;
        let name = input::name(&new.name, "name")?;
        check_password(&new.password, &email, "password")?;
        let password_hash = self.passwords.slot().await?.hash(new.password).await?;
        let row = entity::users::ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("usr")),
            email: Set(email),
            name: Set(name),
            password_hash: Set(password_hash),
            role: Set(Some(FIRST_ROLE)),
            created_at: Set(self.clock.now()),
            disabled_at: Set(None),
            version: Set(1),
        };
        let tx = self.store.begin().await?;
        if !settings::put_once(&tx, DONE, "1").await? || users::any(&tx, &Scope::system()).await? {
            return Err(refused());
        }
        let user = users::insert(&tx, row).await?;
        self.record_user_created(&tx, &Actor::Anonymous, Some(visit.source), (&user, None, FIRST_ROLE))
            .await?;
        tx.commit().await?;
        self.start_session(Found { user, teams: Vec::new() }, None, &attempt, visit).await
    }

    async fn awaits_setup(&self) -> Result<bool, FleetError> {
        let (db, scope) = (self.store.reader(), Scope::system());
        Ok(settings::get(db, &scope, DONE).await?.is_none() && !users::any(db, &scope).await?)
    }
}

fn refused() -> FleetError {
    let message = "the token is wrong, or the first administrator is there";
    FleetError::rejected(RejectionCode::InvalidCredentials, "token", message)
}
