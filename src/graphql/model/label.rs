//! Labels.

use async_graphql::{Context, Enum, ID, Object};

use super::team::Team;
use crate::fleet::labels;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::loader::HostCountOf;
use crate::graphql::scalars::int;

/// How a label's members are found; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "labels::LabelKind")]
pub enum LabelKind {
    /// Made by the server: all hosts, a platform.
    BuiltIn,
    /// By SQL run on the hosts.
    Dynamic,
    /// By hand.
    Manual,
}

/// A named set of hosts.
#[derive(Clone, Debug)]
pub struct Label(pub labels::Label);

impl Identified for Label {
    const PREFIX: &'static str = "lbl";
}

/// A named set of hosts.
#[Object]
impl Label {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How its members are found.
    async fn kind(&self) -> LabelKind {
        self.0.kind.into()
    }

    /// Owner team; null for global.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// Hosts with the label.
    async fn host_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(ctx.load(HostCountOf(self.0.id)).await?.map(int))
    }
}

connection! {
    /// Page of labels.
    LabelConnection {}

    /// One label in a page.
    LabelEdge {
        /// The label.
        Label
    }
}
