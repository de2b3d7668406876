//! Teams.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::guard::Restriction;
use crate::fleet::teams::{self, TeamChange};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, shown};
use crate::graphql::model::settings::RestrictionInput;
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

/// Input of updateTeam; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdateTeamInput {
    /// Team to change.
    id: Id<Team>,
    /// Version that was read.
    expected_version: Option<i32>,
    /// New name; needs a global ADMIN, for names are unique among all teams.
    name: Option<Text>,
    /// New purpose.
    description: MaybeUndefined<Text>,
    /// What SQL may not name on the hosts of the team; replaces the list.
    restrictions: Option<Vec<RestrictionInput>>,
    /// Days after which hosts of the team that are not seen any more are deleted; 0 for never, null as the settings of
    /// the fleet say.
    host_expiry_days: MaybeUndefined<i32>,
}

/// Answer of updateTeam.
#[derive(SimpleObject)]
struct UpdateTeamPayload {
    /// The team after the call.
    team: Option<Team>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteTeam.
#[derive(InputObject)]
struct DeleteTeamInput {
    /// Team to delete.
    id: Id<Team>,
}

/// Answer of deleteTeam.
#[derive(SimpleObject)]
struct DeleteTeamPayload {
    /// Id that was deleted, for the client's cache.
    deleted_team_id: Option<ID>,
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

    /// Changes a team.
    async fn update_team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what changes.")] input: UpdateTeamInput,
    ) -> Result<Option<UpdateTeamPayload>> {
        let UpdateTeamInput { id, expected_version, name, description, restrictions, host_expiry_days } =
            input;
        let change = TeamChange {
            expected_version,
            name: name.map(|text| text.0),
            description: description.map_value(|text| text.0).into(),
            restrictions: restrictions.map(|list| list.into_iter().map(Restriction::from).collect()),
            host_expiry_days: host_expiry_days.into(),
        };
        let (team, user_errors) = settle(ctx.fleet().update_team(ctx.actor(), id.public(), change).await)?;
        Ok(Some(UpdateTeamPayload { team: team.map(Team), user_errors }))
    }

    /// Deletes a team. Its hosts are in no team from then on, and campaigns that await them withdraw them; its enroll
    /// secrets and invitations are revoked; its saved queries, labels and the roles in it are gone.
    async fn delete_team(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteTeamInput,
    ) -> Result<Option<DeleteTeamPayload>> {
        let (id, user_errors) = settle(ctx.fleet().delete_team(ctx.actor(), input.id.public()).await)?;
        let deleted_team_id = id.as_ref().map(shown);
        Ok(Some(DeleteTeamPayload { deleted_team_id, user_errors }))
    }
}
