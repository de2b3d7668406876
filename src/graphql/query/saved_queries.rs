//! Saved queries.

use async_graphql::{Context, Object};

use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::saved_query::SavedQueryConnection;
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;

/// Reads of saved queries.
#[derive(Default)]
pub(super) struct SavedQueryQuery;

#[Object]
impl SavedQueryQuery {
    /// Saved queries the caller can see.
    async fn saved_queries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Saved queries at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only saved queries of this team.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "Part of the name.")] search: Option<Text>,
    ) -> Result<Option<SavedQueryConnection>> {
        let team = team_id.map(Id::into_public);
        SavedQueryConnection::of(ctx, first, after, team, search).await.map(Some)
    }
}
