//! Invitations, without their tokens.

use async_graphql::{Context, ID, Object};

use super::team::Team;
use super::user::Role;
use crate::fleet::invitations;
use crate::graphql::connection::connection;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::scalars::DateTime;

/// An invitation to make an account.
#[derive(Clone, Debug)]
pub struct Invitation(pub invitations::Invitation);

impl Identified for Invitation {
    const PREFIX: &'static str = "inv";
}

/// An invitation to make an account.
#[Object]
impl Invitation {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Whom it is for.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The role it gives.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Team the role is for; null for everywhere.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ends.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }
}

connection! {
    /// Page of invitations.
    InvitationConnection {}

    /// One invitation in a page.
    InvitationEdge {
        /// The invitation, without its token.
        Invitation
    }
}
