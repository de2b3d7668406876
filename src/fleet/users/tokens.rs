//! API tokens: credentials for programs that act as their user.

use std::collections::HashMap;
use std::time::Duration;

use entity::api_tokens::{ActiveModel, Model};
use entity::id::{ApiTokenId, PublicId, TeamId, UserId};
use entity::kind::ChangeKind;
use sea_orm::ActiveValue::{NotSet, Set};
use serde_json::json;

use crate::auth::api_token::new_api_token;
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::fleet::activity::NewActivity;
use crate::fleet::hosts::{Page, PageRequest};
use crate::fleet::idempotency::Keyed;
use crate::fleet::sessions::account_holder;
use crate::fleet::{Fleet, FleetError, RejectionCode, input};
use crate::policy::{Action, Actor, Credential, Denied, Scope, TokenScope, allow};
use crate::store::users::Found;
use crate::store::{api_tokens, changes, teams, users};

/// Life of an API token at most.
const MAX_TOKEN_LIFE: Duration = Duration::from_hours(3650 * 24);

/// An API token without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Inside id.
    pub id: ApiTokenId,
    /// Outside id, `tok_…`.
    pub public_id: PublicId,
    /// The user it acts as.
    pub user_id: UserId,
    /// Name to show.
    pub name: String,
    /// What it may do at most.
    pub scope: TokenScope,
    /// The only team it acts in, if it is for one.
    pub team: Option<TeamId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// An API token to make.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// E-mail of the user it acts as; the actor's own when none.
    pub email: Option<String>,
    /// Name to show.
    pub name: String,
    /// What it may do at most.
    pub scope: TokenScope,
    /// The only team it acts in; wherever its user may when none.
    pub team: Option<PublicId>,
    /// How long it lives.
    pub expires_in: Duration,
}

impl NewApiToken {
    /// A token of this name that may whatever the user of that e-mail may.
    #[must_use]
    pub fn whole(email: &str, name: &str, expires_in: Duration) -> Self {
        let (email, name) = (Some(email.to_owned()), name.to_owned());
        Self { email, name, scope: TokenScope::Admin, team: None, expires_in }
    }
}

impl Fleet {
    /// The API token the actor came with; none for a session.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn api_token_of(&self, actor: &Actor) -> Result<Option<ApiToken>, FleetError> {
        let Actor::User(user) = actor else { return Ok(None) };
        let Credential::ApiToken(token) = &user.credential else { return Ok(None) };
        let row = api_tokens::by_id(self.store.reader(), &Scope::system(), token.id).await?;
        Ok(row.map(|row| self.shown_token(row)))
    }

    /// A page of API tokens that were not revoked, newest first: the actor's own, or everybody's for those who manage
    /// every user.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn api_tokens(
        &self,
        actor: &Actor,
        whose: Whose,
        page: PageRequest,
    ) -> Result<Page<ApiToken>, FleetError> {
        let user = match whose {
            Whose::Own => Some(account_holder(actor)?.id),
            Whose::Everybodys => {
                allow(actor, Action::ManageUsers, Some(TeamId::NONE))?;
                None
            }
        };
        let found = api_tokens::page(self.store.reader(), &Scope::system(), user, &page).await?;
        Ok(found.map(|row| self.shown_token(row)))
    }

    /// API tokens by outside id: the one the actor came with, their own, or everybody's for those who manage every user.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn api_tokens_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, ApiToken>, FleetError> {
        let Actor::User(user) = actor else { return Err(Denied::Unauthenticated.into()) };
        let manages = allow(actor, Action::ManageUsers, Some(TeamId::NONE)).is_ok();
        let own = user.credential.is_whole().then_some(user.id);
        let carried = match &user.credential {
            Credential::ApiToken(token) => Some(token.id),
            Credential::Session(_) => None,
        };
        let found = api_tokens::by_public_ids(self.store.reader(), &Scope::system(), ids).await?;
        let visible = found
            .into_iter()
            .filter(|row| manages || own == Some(row.user_id) || carried == Some(row.id))
            .filter(|row| row.revoked_at.is_none());
        Ok(visible.map(|row| (row.public_id.clone(), self.shown_token(row))).collect())
    }

    /// Makes an API token and answers its text, this once. Users make their own; those who manage every user make
    /// anybody's. A token never may more than its user, so a team that the user has no role in makes it useless, and is
    /// refused.
    ///
    /// # Errors
    /// Denied; rejected (`email`, `name`, `teamId`, `expires`: up to 3,650 days); unavailable.
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        new: NewApiToken,
    ) -> Result<(ApiToken, String), FleetError> {
        let (token, text) = self.create_api_token_once(actor, new, None).await?;
        text.map(|text| (token, text)).ok_or(FleetError::NotFound("API token"))
    }

    /// As [`Self::create_api_token`]; a repeated `idempotency_key` answers the first one again, without its text.
    ///
    /// # Errors
    /// As [`Self::create_api_token`]; rejected (`idempotencyKey`).
    pub async fn create_api_token_once(
        &self,
        actor: &Actor,
        new: NewApiToken,
        idempotency_key: Option<&str>,
    ) -> Result<(ApiToken, Option<String>), FleetError> {
        let user = self.token_owner(actor, new.email.as_deref()).await?;
        let name = input::name(&new.name, "name")?;
        if new.expires_in.is_zero() || new.expires_in > MAX_TOKEN_LIFE {
            let message = "a token lives for up to 3,650 days";
            return Err(FleetError::rejected(RejectionCode::Invalid, "expires", message));
        }
        let team_id = self.token_team(&user, new.team.as_ref()).await?;
        let input =
            json!([user.user.public_id, name, new.scope, new.team, new.expires_in]).to_string().into_bytes();
        let request = Keyed { operation: "createApiToken", key: idempotency_key, input };
        let (text, now) = (new_api_token(), self.clock.now());
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("tok")),
            user_id: Set(user.user.id),
            name: Set(name),
            token_hash: Set(self.keys.hash(&text).to_vec()),
            created_at: Set(now),
            expires_at: Set(now.plus(new.expires_in)),
            revoked_at: Set(None),
            last_used_at: Set(None),
            scope: Set(new.scope),
            team_id: Set(team_id),
        };
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, &request).await? {
            let found = api_tokens::by_public_ids(&tx, &Scope::system(), &[first]).await?.pop();
            return Ok((self.shown_token(found.ok_or(FleetError::NotFound("API token"))?), None));
        }
        let row = api_tokens::insert(&tx, row).await?;
        let activity = NewActivity {
            kind: "api_token.created",
            team: None,
            subject: Some(&row.public_id),
            details: json!({
                "user": user.user.public_id, "name": row.name, "scope": row.scope, "team": new.team,
                "expires_at": row.expires_at,
            }),
        };
        self.record_activity(&tx, actor, activity).await?;
        self.remember(&tx, actor, &request, &row.public_id).await?;
        tx.commit().await?;
        Ok((self.shown_token(row), Some(text)))
    }

    /// Revokes an API token of the actor, or of anybody for those who manage every user.
    ///
    /// # Errors
    /// Denied; not found; unavailable.
    pub async fn revoke_api_token(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        let token = if *actor == Actor::System {
            let found =
                api_tokens::by_public_ids(self.store.reader(), &Scope::system(), std::slice::from_ref(id))
                    .await?;
            found.into_iter().next().map(|row| self.shown_token(row))
        } else {
            self.api_tokens_by_public_ids(actor, std::slice::from_ref(id)).await?.remove(id)
        };
        let token = token.ok_or(FleetError::NotFound("API token"))?;
        let tx = self.store.begin().await?;
        if api_tokens::revoke(&tx, token.id, self.clock.now()).await? {
            let activity = NewActivity {
                kind: "api_token.revoked",
                team: None,
                subject: Some(&token.public_id),
                details: json!({ "name": token.name }),
            };
            self.record_activity(&tx, actor, activity).await?;
            changes::record(&tx, &[(ChangeKind::ApiToken, token.id.0)]).await?;
            tx.commit().await?;
            self.announce().await;
        }
        Ok(token.public_id)
    }

    /// The team of a new token: one where its user has a role.
    async fn token_team(&self, user: &Found, team: Option<&PublicId>) -> Result<Option<TeamId>, FleetError> {
        let Some(team) = team else { return Ok(None) };
        let ids = std::slice::from_ref(team);
        let found = teams::by_public_ids(self.store.reader(), &Scope::system(), ids).await?.pop();
        let has_role =
            |id: TeamId| user.user.role.is_some() || user.teams.iter().any(|(team, _)| *team == id);
        let found = found.map(|team| team.id).filter(|id| has_role(*id));
        let not_found =
            || FleetError::rejected(RejectionCode::NotFound, "teamId", "its user has no role in such a team");
        found.map(Some).ok_or_else(not_found)
    }

    fn shown_token(&self, row: Model) -> ApiToken {
        ApiToken {
            last_used_at: self.sessions.unwritten_use(row.id).max(row.last_used_at),
            ..ApiToken::from(row)
        }
    }

    /// The user that a new token shall act as. Only who manages every user may take somebody else's place: a token of
    /// a stronger user would lend the roles of that user.
    async fn token_owner(&self, actor: &Actor, email: Option<&str>) -> Result<Found, FleetError> {
        let anybody = allow(actor, Action::ManageUsers, Some(TeamId::NONE));
        let own = account_holder(actor).map(|user| user.id);
        let (db, scope) = (self.store.reader(), Scope::system());
        let found = match email {
            Some(email) => users::by_email(db, &scope, &input::email(email).unwrap_or_default()).await?,
            None => users::by_ids(db, &scope, &[own?]).await?.pop(),
        };
        let enabled = found.filter(|found| found.user.disabled_at.is_none());
        match (enabled, anybody) {
            (Some(found), _) if own == Ok(found.user.id) => Ok(found),
            (Some(found), Ok(_)) => Ok(found),
            (None, Ok(_)) => {
                Err(FleetError::rejected(RejectionCode::NotFound, "email", "no user has this e-mail"))
            }
            (_, Err(denied)) => Err(denied.into()),
        }
    }
}

/// Whose API tokens are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of the actor.
    Own,
    /// Those of everybody.
    Everybodys,
}

impl From<Model> for ApiToken {
    fn from(row: Model) -> Self {
        let Model {
            id, public_id, user_id, name, scope, team_id, created_at, expires_at, last_used_at, ..
        } = row;
        Self { id, public_id, user_id, name, scope, team: team_id, created_at, expires_at, last_used_at }
    }
}
