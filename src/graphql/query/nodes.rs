//! Any object by its global id.

use async_graphql::{Context, ID, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::error::{Failure, Result};
use crate::graphql::id;
use crate::graphql::loader::NodeId;
use crate::graphql::model::node::Node;

/// Ids of one `nodes` at most.
const MAX_IDS: usize = 100;

/// Reads of any object.
#[derive(Default)]
pub(super) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Any object by global id; null when absent or not visible.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Global id.")] id: ID) -> Result<Option<Node>> {
        ctx.load(NodeId(id::any(&id))).await
    }

    /// Objects by global id, in the order asked, null where absent or not visible. At most 100.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<Node>>>> {
        if ids.len() > MAX_IDS {
            return Err(Failure::bad_input(format!("`ids` must be at most {MAX_IDS}")));
        }
        let ids: Vec<_> = ids.iter().map(|text| NodeId(id::any(text))).collect();
        let found = ctx.load_many(ids.iter().cloned()).await?;
        Ok(Some(ids.iter().map(|id| found.get(id).cloned()).collect()))
    }
}
