//! Users and their roles.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::fleet::users::{self, NewUser, UserChange};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, shown};
use crate::graphql::model::team::Team;
use crate::graphql::model::user::{Role, User, UserEdge};
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of users.
#[derive(Default)]
pub(super) struct UserMutation;

/// Input of createUser.
#[derive(InputObject)]
struct CreateUserInput {
    /// E-mail, in any case; unique.
    email: Text,
    /// Name to show.
    display_name: Text,
    /// Password.
    #[graphql(secret)]
    password: Text,
    /// The role.
    role: Role,
    /// Team the role is for; null for everywhere.
    team_id: Option<Id<Team>>,
    /// Same key returns the first answer again.
    idempotency_key: Option<Text>,
}

/// Answer of createUser.
#[derive(SimpleObject)]
struct CreateUserPayload {
    /// The user, or null when there are errors.
    user: Option<User>,
    /// Edge to insert in a client's list.
    user_edge: Option<UserEdge>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of updateUser; a field left out is not changed, a null clears it.
#[derive(InputObject)]
struct UpdateUserInput {
    /// User to change.
    id: Id<User>,
    /// Version that was read.
    expected_version: Option<i32>,
    /// New name.
    display_name: Option<Text>,
    /// New global role.
    role: MaybeUndefined<Role>,
    /// True shuts the user out at once: sessions end, API tokens rest until false lets the user in again.
    is_disabled: Option<bool>,
}

/// Answer of updateUser.
#[derive(SimpleObject)]
struct UpdateUserPayload {
    /// The user after the call.
    user: Option<User>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of deleteUser.
#[derive(InputObject)]
struct DeleteUserInput {
    /// User to delete.
    id: Id<User>,
}

/// Answer of deleteUser.
#[derive(SimpleObject)]
struct DeleteUserPayload {
    /// Id that was deleted, for the client's cache.
    deleted_user_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of setTeamRole.
#[derive(InputObject)]
struct SetTeamRoleInput {
    /// The user.
    user_id: Id<User>,
    /// The team.
    team_id: Id<Team>,
    /// The role.
    role: Role,
}

/// Answer of setTeamRole.
#[derive(SimpleObject)]
struct SetTeamRolePayload {
    /// The user after the call.
    user: Option<User>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of removeTeamRole.
#[derive(InputObject)]
struct RemoveTeamRoleInput {
    /// The user.
    user_id: Id<User>,
    /// The team.
    team_id: Id<Team>,
}

/// Answer of removeTeamRole.
#[derive(SimpleObject)]
struct RemoveTeamRolePayload {
    /// The user after the call.
    user: Option<User>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl UserMutation {
    /// Creates a user with one role. Only for global admins, for whoever makes an account knows its password; the admins
    /// of a team invite.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user.")] input: CreateUserInput,
    ) -> Result<Option<CreateUserPayload>> {
        let new = NewUser {
            email: input.email.0,
            name: input.display_name.0,
            password: input.password.0,
            role: input.role.into(),
            team: input.team_id.map(Id::into_public),
        };
        let key = text(input.idempotency_key.as_ref());
        let (user, user_errors) = settle(ctx.fleet().create_user_once(ctx.actor(), new, key).await)?;
        let edge = |user: users::User| UserEdge::fresh(List::USERS, user.id.0, User(user));
        let user_edge = user.clone().map(edge);
        Ok(Some(CreateUserPayload { user: user.map(User), user_edge, user_errors }))
    }

    /// Changes a user; nobody changes their own role, and one admin always stays.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and what changes.")] input: UpdateUserInput,
    ) -> Result<Option<UpdateUserPayload>> {
        let UpdateUserInput { id, expected_version, display_name, role, is_disabled } = input;
        let role: Option<Option<Role>> = role.into();
        let role = role.map(|role| role.map(Into::into));
        let name = display_name.map(|text| text.0);
        let change = UserChange { expected_version, name, role, is_disabled };
        let (user, user_errors) = settle(ctx.fleet().update_user(ctx.actor(), id.public(), change).await)?;
        Ok(Some(UpdateUserPayload { user: user.map(User), user_errors }))
    }

    /// Deletes a user; what the user made stays.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: DeleteUserInput,
    ) -> Result<Option<DeleteUserPayload>> {
        let (id, user_errors) = settle(ctx.fleet().delete_user(ctx.actor(), input.id.public()).await)?;
        let deleted_user_id = id.as_ref().map(shown);
        Ok(Some(DeleteUserPayload { deleted_user_id, user_errors }))
    }

    /// Gives a user a role in a team, in place of the one there.
    async fn set_team_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, where, and which role.")] input: SetTeamRoleInput,
    ) -> Result<Option<SetTeamRolePayload>> {
        let (user, team) = (input.user_id.public(), input.team_id.public());
        let set = ctx.fleet().set_team_role(ctx.actor(), user, team, input.role.into()).await;
        let (user, user_errors) = settle(set)?;
        Ok(Some(SetTeamRolePayload { user: user.map(User), user_errors }))
    }

    /// Takes a user's role in a team away.
    async fn remove_team_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and where.")] input: RemoveTeamRoleInput,
    ) -> Result<Option<RemoveTeamRolePayload>> {
        let (user, team) = (input.user_id.public(), input.team_id.public());
        let (user, user_errors) = settle(ctx.fleet().remove_team_role(ctx.actor(), user, team).await)?;
        Ok(Some(RemoveTeamRolePayload { user: user.map(User), user_errors }))
    }
}
