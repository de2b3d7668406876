//! Labels.

use async_graphql::{Context, Object};

use crate::graphql::connection::Listed;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::label::{Label, LabelConnection};
use crate::graphql::model::team::Team;
use crate::graphql::page::List;
use crate::graphql::scalars::{Text, text};

/// Reads of labels.
#[derive(Default)]
pub(super) struct LabelQuery;

#[Object]
impl LabelQuery {
    /// Labels the caller can see.
    async fn labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Labels at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only labels of this team.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "Prefix of the name.")] search: Option<Text>,
    ) -> Result<Option<LabelConnection>> {
        let request = List::LABELS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let (team, search) = (team_id.as_ref().map(Id::public), text(search.as_ref()));
        let page = ctx.fleet().labels(ctx.actor(), team, search, request.clone()).await?;
        Ok(Some(LabelConnection::new(Listed::page(List::LABELS, &request, page, Label))))
    }
}
