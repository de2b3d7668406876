//! The caller.

use async_graphql::{Context, Object, SimpleObject};

use super::team::Team;
use super::user::{Actor, ApiToken, Role};
use crate::fleet::FleetError;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::policy::UserActor;

/// The caller.
pub struct Viewer(pub UserActor);

/// A role in one team.
#[derive(SimpleObject)]
pub struct TeamRole {
    /// The team.
    team: Team,
    /// The role.
    role: Role,
}

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
        let mut teams = ctx.load_many(self.0.roles.teams.keys().copied()).await?;
        let roles = self.0.roles.teams.iter();
        Ok(roles
            .filter_map(|(id, role)| Some(TeamRole { team: teams.remove(id)?, role: (*role).into() }))
            .collect())
    }
}
