//! Enroll secrets.

use async_graphql::{Context, Object};

use crate::graphql::connection::Listed;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::enroll_secret::{EnrollSecret, EnrollSecretConnection};
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::Text;

/// Reads of enroll secrets.
#[derive(Default)]
pub(super) struct EnrollSecretQuery;

#[Object]
impl EnrollSecretQuery {
    /// Enroll secrets, without their text.
    async fn enroll_secrets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Secrets at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only secrets of this team.")] team_id: Option<Id<Team>>,
    ) -> Result<Option<EnrollSecretConnection>> {
        let list = List::ENROLL_SECRETS;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let team = team_id.as_ref().map(Id::public);
        let page = ctx.fleet().enroll_secrets(ctx.actor(), team, request.clone()).await?;
        Ok(Some(EnrollSecretConnection::new(Listed::page(list, &request, page, EnrollSecret))))
    }
}
