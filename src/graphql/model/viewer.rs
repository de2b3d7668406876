//! The caller.

use async_graphql::{Context, Object};

use super::user::{Actor, ApiToken, Role, TeamRole};
use crate::fleet::FleetError;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
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
}
