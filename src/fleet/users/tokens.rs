//! API tokens: credentials for programs that act as their user.

use std::time::Duration;

use entity::api_tokens::{ActiveModel, Model};
use entity::id::{PublicId, TeamId};
use sea_orm::ActiveValue::{NotSet, Set};
use serde_json::json;

use crate::auth::api_token::new_api_token;
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Action, Actor, Credential, Scope, allow};
use crate::store::users::Found;
use crate::store::{api_tokens, users};

/// Life of an API token at most.
const MAX_TOKEN_LIFE: Duration = Duration::from_hours(3650 * 24);

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

impl Fleet {
    /// The API token the actor came with; none for a session.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn api_token_of(&self, actor: &Actor) -> Result<Option<ApiToken>, FleetError> {
        let Actor::User(user) = actor else { return Ok(None) };
        let Credential::ApiToken(id, ..) = user.credential else { return Ok(None) };
        let row = api_tokens::by_id(self.store.reader(), &Scope::system(), id).await?;
        Ok(row.map(|row| ApiToken {
            last_used_at: self.sessions.unwritten_use(id).max(row.last_used_at),
            ..ApiToken::from(row)
        }))
    }

    /// Makes an API token that acts as the user of that e-mail, and answers its text, this once. Users make their
    /// own; those who manage every user make anybody's.
    ///
    /// # Errors
    /// Denied; rejected (`email`, `name`, `expires`: up to 3,650 days); unavailable.
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        email: &str,
        name: &str,
        expires_in: Duration,
    ) -> Result<(ApiToken, String), FleetError> {
        let user = self.token_owner(actor, email).await?;
        let name = input::name(name, "name")?;
        if expires_in.is_zero() || expires_in > MAX_TOKEN_LIFE {
            let message = "a token lives for up to 3,650 days";
            return Err(FleetError::rejected(RejectionCode::Invalid, "expires", message));
        }
        let text = new_api_token();
        let now = self.clock.now();
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("tok")),
            user_id: Set(user.user.id),
            name: Set(name),
            token_hash: Set(self.keys.hash(&text).to_vec()),
            created_at: Set(now),
            expires_at: Set(now.plus(expires_in)),
            revoked_at: Set(None),
            last_used_at: Set(None),
        };
        let tx = self.store.begin().await?;
        let row = api_tokens::insert(&tx, row).await?;
        let activity = NewActivity {
            kind: "api_token.created",
            team: None,
            subject: Some(&row.public_id),
            details: json!({ "user": user.user.public_id, "expires_at": row.expires_at }),
        };
        self.record_activity(&tx, actor, activity).await?;
        tx.commit().await?;
        Ok((row.into(), text))
    }

    /// The user that a new token shall act as. Only who manages every user may take somebody else's place: a token of
    /// a stronger user would lend the roles of that user.
    async fn token_owner(&self, actor: &Actor, email: &str) -> Result<Found, FleetError> {
        let anybody = allow(actor, Action::ManageUsers, Some(TeamId::NONE));
        let own = match actor {
            Actor::User(user) => Some(user.id),
            _ => None,
        };
        let email = input::email(email).unwrap_or_default();
        let found = users::by_email(self.store.reader(), &Scope::system(), &email).await?;
        let enabled = found.filter(|found| found.user.disabled_at.is_none());
        match (enabled, anybody) {
            (Some(found), _) if own == Some(found.user.id) => Ok(found),
            (Some(found), Ok(_)) => Ok(found),
            (None, Ok(_)) => {
                Err(FleetError::rejected(RejectionCode::NotFound, "email", "no user has this e-mail"))
            }
            (_, Err(denied)) => Err(denied.into()),
        }
    }
}

impl From<Model> for ApiToken {
    fn from(row: Model) -> Self {
        Self {
            public_id: row.public_id,
            name: row.name,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}
