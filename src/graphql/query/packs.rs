//! Packs.

use async_graphql::{Context, Object};

use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::pack::PackConnection;
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;

/// Reads of packs.
#[derive(Default)]
pub(super) struct PackQuery;

#[Object]
impl PackQuery {
    /// Packs the caller can see.
    async fn packs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Packs at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only packs of this team.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "Part of the name.")] search: Option<Text>,
    ) -> Result<Option<PackConnection>> {
        PackConnection::of(ctx, first, after, team_id.map(Id::into_public), search).await.map(Some)
    }
}
