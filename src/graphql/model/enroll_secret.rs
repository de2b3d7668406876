//! Enroll secrets, without their text.

use async_graphql::{Context, ID, Object};

use super::team::Team;
use crate::fleet::enroll_secrets;
use crate::graphql::connection::connection;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::scalars::DateTime;

/// A secret that lets hosts in.
#[derive(Clone, Debug)]
pub struct EnrollSecret(pub enroll_secrets::EnrollSecret);

impl Identified for EnrollSecret {
    const PREFIX: &'static str = "sec";
}

/// A secret that lets hosts in.
#[Object]
impl EnrollSecret {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name to show.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Team its hosts land in; null for none.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ends.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }
}

connection! {
    /// Page of enroll secrets.
    EnrollSecretConnection {}

    /// One enroll secret in a page.
    EnrollSecretEdge {
        /// The secret, without its text.
        EnrollSecret
    }
}
