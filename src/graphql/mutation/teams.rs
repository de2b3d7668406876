//! Teams.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::fleet::teams;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::team::{Team, TeamEdge};
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of teams.
#[derive(Default)]
pub(super) struct TeamMutation;

/// Input of createTeam.
#[derive(InputObject)]
struct CreateTeamInput {
    /// Name, unique.
    name: Text,
    /// Purpose.
    description: Option<Text>,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of createTeam.
#[derive(SimpleObject)]
struct CreateTeamPayload {
    /// The team, or null when there are errors.
    team: Option<Team>,
    /// Edge to insert in a client's list.
    team_edge: Option<TeamEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl TeamMutation {
    /// Creates a team.
    async fn create_team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The team.")] input: CreateTeamInput,
    ) -> Result<Option<CreateTeamPayload>> {
        let (description, key) = (text(input.description.as_ref()), text(input.idempotency_key.as_ref()));
        let made = ctx.fleet().create_team(ctx.actor(), &input.name.0, description, key).await;
        let (team, user_errors) = settle(made)?;
        let edge = |team: teams::Team| TeamEdge::fresh(List::TEAMS, team.id.0, Team(team));
        let team_edge = team.clone().map(edge);
        Ok(Some(CreateTeamPayload { team: team.map(Team), team_edge, user_errors }))
    }
}
