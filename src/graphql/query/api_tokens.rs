//! API tokens of everybody.

use async_graphql::{Context, Object};

use crate::fleet::users::Whose;
use crate::graphql::error::Result;
use crate::graphql::model::user::ApiTokenConnection;
use crate::graphql::scalars::Text;

/// Reads of API tokens.
#[derive(Default)]
pub(super) struct ApiTokenQuery;

#[Object]
impl ApiTokenQuery {
    /// Everybody's API tokens, newest first; `viewer` has the caller's own.
    async fn api_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Tokens at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<Option<ApiTokenConnection>> {
        ApiTokenConnection::of(ctx, first, after, Whose::Everybodys).await.map(Some)
    }
}
