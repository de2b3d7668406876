//! The caller.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::model::viewer::Viewer;
use crate::policy::Actor;

/// Reads of the caller.
#[derive(Default)]
pub(super) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// The caller; null when not signed in.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<Viewer> {
        match ctx.actor() {
            Actor::User(user) => Some(Viewer(user.clone())),
            Actor::Anonymous | Actor::Host(_) | Actor::System => None,
        }
    }
}
