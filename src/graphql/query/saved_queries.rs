//! Saved queries.

use async_graphql::{Context, Object};

use crate::fleet::saved_queries::SavedQueryFilter;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::pack::Pack;
use crate::graphql::model::saved_query::SavedQueryConnection;
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;

/// Reads of saved queries.
#[derive(Default)]
pub(super) struct SavedQueryQuery;

#[Object]
impl SavedQueryQuery {
    /// Saved queries the caller can see.
    #[expect(clippy::too_many_arguments, reason = "one for each argument of the field")]
    async fn saved_queries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Saved queries at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only saved queries of this team.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "Only saved queries of this pack.")] pack_id: Option<Id<Pack>>,
        #[graphql(desc = "Only those with a schedule, or only those without.")] scheduled: Option<bool>,
        #[graphql(desc = "Part of the name.")] search: Option<Text>,
    ) -> Result<Option<SavedQueryConnection>> {
        let filter = SavedQueryFilter {
            team: team_id.map(Id::into_public),
            pack: pack_id.map(Id::into_public),
            scheduled,
            search: search.map(|text| text.0),
        };
        SavedQueryConnection::of(ctx, first, after, filter).await.map(Some)
    }
}
