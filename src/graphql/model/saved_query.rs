//! Saved queries.

use async_graphql::{Context, ID, Object};
use entity::id::PublicId;

use super::campaign::CampaignConnection;
use super::team::Team;
use super::user::Actor;
use crate::fleet::campaigns::CampaignFilter;
use crate::fleet::saved_queries;
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::page::List;
use crate::graphql::scalars::{DateTime, Text};

/// A stored osquery SQL query.
#[derive(Clone, Debug)]
pub struct SavedQuery(pub saved_queries::SavedQuery);

impl Identified for SavedQuery {
    const PREFIX: &'static str = "qry";
}

/// A stored osquery SQL query.
#[Object]
impl SavedQuery {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name, unique in its team.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// osquery SQL.
    async fn sql(&self) -> &str {
        &self.0.sql
    }

    /// Purpose.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Observers may run it live.
    async fn observer_can_run(&self) -> bool {
        self.0.observer_can_run
    }

    /// Owner team; null for global.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
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

    /// Runs of the query.
    async fn campaigns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Campaigns at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<CampaignConnection> {
        let filter = CampaignFilter { saved_query: Some(self.0.id), ..CampaignFilter::default() };
        CampaignConnection::of(ctx, first, after, filter).await
    }
}

connection! {
    /// Page of saved queries.
    SavedQueryConnection {
        /// Number that match.
        total_count
    }

    /// One saved query in a page.
    SavedQueryEdge {
        /// The saved query.
        SavedQuery
    }
}

impl SavedQueryConnection {
    /// The saved queries that a client asks for.
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
        let (list, search) = (List::SAVED_QUERIES, search.map(|text| text.0));
        let request = list.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page =
            ctx.fleet().saved_queries(ctx.actor(), team.as_ref(), search.as_deref(), request.clone()).await?;
        Ok(Self::new(Listed::page(list, &request, page, SavedQuery), Total::SavedQueries(team, search)))
    }
}
