//! Teams.

use async_graphql::{Context, Object};

use crate::graphql::connection::{Listed, Total};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::model::team::{Team, TeamConnection};
use crate::graphql::page::List;
use crate::graphql::scalars::Text;

/// Reads of teams.
#[derive(Default)]
pub(super) struct TeamQuery;

#[Object]
impl TeamQuery {
    /// Teams the caller can see.
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Teams at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<TeamConnection>> {
        let request = List::TEAMS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().teams(ctx.actor(), request.clone()).await?;
        Ok(Some(TeamConnection::new(Listed::page(List::TEAMS, &request, page, Team), Total::Teams)))
    }
}
