//! Policies.

use async_graphql::{Context, Object};

use crate::fleet::policies::PolicyFilter;
use crate::graphql::error::Result;
use crate::graphql::id::Id;
use crate::graphql::model::policy::{PolicyConnection, PolicySort};
use crate::graphql::model::team::Team;
use crate::graphql::scalars::Text;

/// Reads of policies.
#[derive(Default)]
pub(super) struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// Policies the caller can see.
    #[expect(clippy::too_many_arguments, reason = "one for each argument of the field")]
    async fn policies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Policies at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Only policies of this team.")] team_id: Option<Id<Team>>,
        #[graphql(desc = "Only critical ones, or only the others.")] critical: Option<bool>,
        #[graphql(desc = "Only those that a host fails which the caller may see, or only the others.")]
        failing: Option<bool>,
        #[graphql(desc = "Part of the name.")] search: Option<Text>,
        #[graphql(desc = "Order; as they were made when left out.")] sort: Option<PolicySort>,
    ) -> Result<Option<PolicyConnection>> {
        let filter = PolicyFilter {
            team: team_id.map(Id::into_public),
            critical,
            failing,
            search: search.map(|text| text.0),
        };
        let sort = sort.map(Into::into).unwrap_or_default();
        PolicyConnection::of(ctx, first, after, filter, sort).await.map(Some)
    }
}
