//! The caller.

use async_graphql::{Context, Object};

use super::session::{Session, SessionConnection};
use super::user::{Actor, ApiToken, ApiTokenConnection, Role, TeamRole};
use crate::fleet::FleetError;
use crate::fleet::users::Whose;
use crate::graphql::connection::Listed;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text, int};
use crate::graphql::transport::points::Charged;
use crate::policy::UserActor;

/// The caller.
pub struct Viewer(pub UserActor);

/// The caller.
#[Object]
impl Viewer {
    /// Who acts.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Actor> {
        if let Some(token) = ctx.fleet().api_token_of(ctx.actor()).await? {
            return Ok(Actor::ApiToken(ApiToken(token)));
        }
        let user = Actor::load(ctx, Some(self.0.id)).await?;
        user.ok_or_else(|| FleetError::NotFound("user").into())
    }

    /// Global role, when there is one.
    async fn role(&self) -> Option<Role> {
        self.0.roles.global.map(Role::from)
    }

    /// Roles in teams.
    async fn team_roles(&self, ctx: &Context<'_>) -> Result<Vec<TeamRole>> {
        TeamRole::of(ctx, &self.0.roles).await
    }

    /// Budget of points, as it is after this operation.
    async fn rate_limit(&self, ctx: &Context<'_>) -> RateLimit {
        RateLimit(*ctx.data_unchecked::<Charged>())
    }

    /// Where the caller is signed in, newest first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Sessions at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<SessionConnection>> {
        let list = List::SESSIONS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().sessions_of(ctx.actor(), request.clone()).await?;
        Ok(Some(SessionConnection::new(Listed::page(list, &request, page, Session))))
    }

    /// API tokens of the caller, newest first.
    async fn api_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Tokens at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<ApiTokenConnection>> {
        ApiTokenConnection::of(ctx, first, after, Whose::Own).await.map(Some)
    }
}

/// What the caller may still ask for: each operation costs points, which come back evenly.
pub struct RateLimit(Charged);

/// What the caller may still ask for: each operation costs points, which come back evenly.
#[Object]
impl RateLimit {
    /// Cost of this operation.
    async fn cost(&self) -> i32 {
        int(self.0.cost)
    }

    /// Points of a window, at once or little by little.
    async fn limit(&self) -> i32 {
        int(self.0.limit)
    }

    /// Points left.
    async fn remaining(&self) -> i32 {
        int(self.0.remaining)
    }

    /// When all points are there again, if nothing else is asked.
    async fn reset_at(&self) -> DateTime {
        DateTime(self.0.reset_at)
    }
}

impl ApiTokenConnection {
    /// A page of API tokens.
    ///
    /// # Errors
    /// Denied; a page that is out of range; unavailable.
    pub async fn of(ctx: &Context<'_>, first: i32, after: Option<Text>, whose: Whose) -> Result<Self> {
        let list = List::API_TOKENS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().api_tokens(ctx.actor(), whose, request.clone()).await?;
        Ok(Self::new(Listed::page(list, &request, page, ApiToken)))
    }
}
