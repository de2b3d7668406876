//! Invitations.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::fleet::invitations::{self, NewInvitation};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, shown};
use crate::graphql::model::invitation::{Invitation, InvitationEdge};
use crate::graphql::model::team::Team;
use crate::graphql::model::user::{Role, User};
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};
use crate::graphql::user_error::{UserError, settle};

/// Writes of invitations.
#[derive(Default)]
pub(super) struct InvitationMutation;

/// Input of createInvitation.
#[derive(InputObject)]
struct CreateInvitationInput {
    /// Whom it is for, in any case.
    email: Text,
    /// The role it gives.
    role: Role,
    /// Team the role is for; null for everywhere.
    team_id: Option<Id<Team>>,
    /// How long it holds: a minute to five days.
    #[graphql(default = 259_200)]
    expires_in_seconds: i32,
    /// Same key returns the first answer again, without the token.
    idempotency_key: Option<Text>,
}

/// Answer of createInvitation.
#[derive(SimpleObject)]
struct CreateInvitationPayload {
    /// The invitation, or null when there are errors.
    invitation: Option<Invitation>,
    /// Edge to insert in a client's list.
    invitation_edge: Option<InvitationEdge>,
    /// Its token for acceptInvitation, shown this once; not repeated for the same idempotency key.
    token: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of revokeInvitation.
#[derive(InputObject)]
struct RevokeInvitationInput {
    /// The invitation.
    id: Id<Invitation>,
}

/// Answer of revokeInvitation.
#[derive(SimpleObject)]
struct RevokeInvitationPayload {
    /// Id that was revoked.
    revoked_invitation_id: Option<ID>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Input of acceptInvitation.
#[derive(InputObject)]
struct AcceptInvitationInput {
    /// The token.
    #[graphql(secret)]
    token: Text,
    /// Name to show; not needed by who has an account.
    #[graphql(default)]
    display_name: Text,
    /// Password of the new account; not needed by who has one.
    #[graphql(secret, default)]
    password: Text,
}

/// Answer of acceptInvitation.
#[derive(SimpleObject)]
struct AcceptInvitationPayload {
    /// The user, who can sign in now.
    user: Option<User>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

#[Object]
impl InvitationMutation {
    /// Creates an invitation: whoever has its token makes the account of that e-mail.
    async fn create_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For whom, and which role.")] input: CreateInvitationInput,
    ) -> Result<Option<CreateInvitationPayload>> {
        let new = NewInvitation {
            email: input.email.0,
            role: input.role.into(),
            team: input.team_id.map(Id::into_public),
            expires_in: Duration::from_secs(u64::try_from(input.expires_in_seconds).unwrap_or_default()),
        };
        let key = text(input.idempotency_key.as_ref());
        let (made, user_errors) = settle(ctx.fleet().create_invitation_once(ctx.actor(), new, key).await)?;
        let (invitation, token) = made.unzip();
        let token = token.flatten();
        let edge = |made: invitations::Invitation| {
            InvitationEdge::fresh(List::INVITATIONS, made.id.0, Invitation(made))
        };
        let invitation_edge = invitation.clone().map(edge);
        let invitation = invitation.map(Invitation);
        Ok(Some(CreateInvitationPayload { invitation, invitation_edge, token, user_errors }))
    }

    /// Revokes an invitation.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevokeInvitationInput,
    ) -> Result<Option<RevokeInvitationPayload>> {
        let (id, user_errors) = settle(ctx.fleet().revoke_invitation(ctx.actor(), input.id.public()).await)?;
        let revoked_invitation_id = id.as_ref().map(shown);
        Ok(Some(RevokeInvitationPayload { revoked_invitation_id, user_errors }))
    }

    /// Accepts an invitation, once. Who has an account of that e-mail signs in first, and is given the role.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token, and the account to make.")] input: AcceptInvitationInput,
    ) -> Result<Option<AcceptInvitationPayload>> {
        let AcceptInvitationInput { token, display_name, password } = input;
        let accepted = ctx.fleet().accept_invitation(ctx.actor(), &token.0, &display_name.0, password.0);
        let (user, user_errors) = settle(accepted.await)?;
        Ok(Some(AcceptInvitationPayload { user: user.map(User), user_errors }))
    }
}
