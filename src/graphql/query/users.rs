//! Users and invitations.

use async_graphql::{Context, Object};

use crate::graphql::connection::{Listed, Total};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::invitation::{Invitation, InvitationConnection};
use crate::graphql::model::team::Team;
use crate::graphql::model::user::{User, UserConnection};
use crate::graphql::page::List;
use crate::graphql::scalars::Text;

/// Reads of users.
#[derive(Default)]
pub(super) struct UserQuery;

#[Object]
impl UserQuery {
    /// Users: everybody, or for the admin of teams those with a role there.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Users at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only users with a role in this team.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "Part of the name or the e-mail.")] search: Option<Text>,
    ) -> Result<Option<UserConnection>> {
        let (list, search) = (List::USERS, search.map(|text| text.0));
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let team = team_id.map(Id::into_public);
        let page = ctx.fleet().users_page(ctx.actor(), team.as_ref(), search.as_deref(), request.clone());
        let listed = Listed::page(list, &request, page.await?, User);
        Ok(Some(UserConnection::new(listed, Total::Users(team, search))))
    }

    /// Invitations that are neither accepted nor revoked, without their tokens.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Invitations at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<InvitationConnection>> {
        let list = List::INVITATIONS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().invitations(ctx.actor(), request.clone()).await?;
        Ok(Some(InvitationConnection::new(Listed::page(list, &request, page, Invitation))))
    }
}
