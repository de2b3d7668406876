//! Packs.

use async_graphql::{Context, ID, Object};
use entity::id::{PackId, PublicId};

use super::label::Label;
use super::saved_query::SavedQueryConnection;
use super::schedule::labels;
use super::team::Team;
use super::user::Actor;
use crate::fleet::packs;
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text};

/// A group of scheduled queries that run under common conditions.
#[derive(Clone, Debug)]
pub struct Pack(pub packs::Pack);

impl Identified for Pack {
    const PREFIX: &'static str = "pck";
}

impl Pack {
    /// The pack at the other end of an edge; none for [`PackId::NONE`], and when it is not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn load(ctx: &Context<'_>, id: PackId) -> Result<Option<Self>> {
        match id.some() {
            Some(id) => ctx.load(id).await,
            None => Ok(None),
        }
    }
}

/// A group of scheduled queries that run under common conditions.
#[Object]
impl Pack {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name, unique in its team.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Purpose.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Owner team; null for global.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// Hosts are given it.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Platforms it runs on, with commas, as osquery reads them; null for all.
    async fn platform(&self) -> Option<&str> {
        self.0.platform.as_deref()
    }

    /// Least osquery version it runs on; null for any.
    async fn min_osquery_version(&self) -> Option<&str> {
        self.0.min_osquery_version.as_deref()
    }

    /// Percent of the hosts it runs on; null for all.
    async fn shard(&self) -> Option<i32> {
        self.0.shard
    }

    /// SQL that must all return a row on a host where it runs.
    async fn discovery(&self) -> Vec<String> {
        packs::discovery(&self.0)
    }

    /// A host must have one of these labels; empty for any host. Null for who may not read labels.
    async fn labels_include_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        labels(ctx, &packs::conditions(&self.0).labels.include_any).await.map(Some)
    }

    /// A host must have none of these labels. Null for who may not read labels.
    async fn labels_exclude_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        labels(ctx, &packs::conditions(&self.0).labels.exclude_any).await.map(Some)
    }

    /// Queries of the pack.
    async fn queries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Saved queries at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<SavedQueryConnection> {
        SavedQueryConnection::of_pack(ctx, self.0.id, first, after).await
    }

    /// Author.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        Actor::load(ctx, self.0.created_by).await
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

connection! {
    /// Page of packs.
    PackConnection {
        /// Number that match.
        total_count
    }

    /// One pack in a page.
    PackEdge {
        /// The pack.
        Pack
    }
}

impl PackConnection {
    /// The packs that a client asks for.
    ///
    /// # Errors
    /// `first` or the cursor is not acceptable; denied; unavailable.
    pub async fn of(
        ctx: &Context<'_>,
        first: i32,
        after: Option<Text>,
        team: Option<PublicId>,
        search: Option<Text>,
    ) -> Result<Self> {
        let (list, search) = (List::PACKS, search.map(|text| text.0));
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().packs(ctx.actor(), team.as_ref(), search.as_deref(), request.clone()).await?;
        Ok(Self::new(Listed::page(list, &request, page, Pack), Total::Packs(team, search)))
    }
}
