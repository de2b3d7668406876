//! Labels.

use async_graphql::{Context, Enum, ID, Object};

use super::host::{Host, Platform};
use super::host_filter::each_into;
use super::team::Team;
use super::user::Actor;
use crate::fleet::hosts::Page;
use crate::fleet::labels;
use crate::graphql::connection::{Listed, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::loader::{FailureCountOf, FailuresOf, HostCountOf};
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text, int};

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

    /// Purpose.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// SQL that returns a row on a host that is a member; null for labels that are not dynamic.
    async fn sql(&self) -> Option<&str> {
        self.0.sql.as_deref()
    }

    /// Platforms whose hosts are asked; empty for all, and for labels that are not dynamic.
    async fn platforms(&self) -> Vec<Platform> {
        each_into(labels::platforms(&self.0))
    }

    /// Hosts where the SQL failed when it was asked last: their membership stays as it was.
    async fn failure_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(ctx.load(FailureCountOf(self.0.id)).await?.map(int))
    }

    /// Hosts where the SQL failed when it was asked last, and why.
    async fn failures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Failures at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<LabelFailureConnection> {
        let list = List::LABEL_FAILURES;
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.load(FailuresOf(self.0.id, request.clone())).await?.unwrap_or_else(Page::empty);
        Ok(LabelFailureConnection::new(Listed::page(list, &request, page, LabelFailure)))
    }

    /// Author; null for labels that the server made, and when they are gone.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        Actor::load(ctx, self.0.created_by).await
    }

    /// Time of making.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// A host where the SQL of a label failed.
#[derive(Clone, Debug)]
pub struct LabelFailure(pub labels::LabelFailure);

/// A host where the SQL of a label failed.
#[Object]
impl LabelFailure {
    /// The host.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.0.host_id).await
    }

    /// What osquery says.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// When it failed first, since it last did not.
    async fn failed_at(&self) -> DateTime {
        DateTime(self.0.failed_at)
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

connection! {
    /// Page of failures of a label.
    LabelFailureConnection {}

    /// One failure in a page.
    LabelFailureEdge {
        /// The failure.
        LabelFailure
    }
}
