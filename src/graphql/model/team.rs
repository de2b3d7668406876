//! Teams.

use async_graphql::{Context, ID, Object};
use entity::id::TeamId;

use super::host_filter::{HostFilter, HostSort};
use super::host_list::HostConnection;
use super::saved_query::SavedQueryConnection;
use super::settings::Restriction;
use crate::fleet::guard::restrictions;
use crate::fleet::teams;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Identified, shown};
use crate::graphql::page::BothWays;
use crate::graphql::scalars::Text;

/// A set of hosts and users.
#[derive(Clone, Debug)]
pub struct Team(pub teams::Team);

impl Identified for Team {
    const PREFIX: &'static str = "tem";
}

impl Team {
    /// The team at the other end of an edge; none for [`TeamId::NONE`], and when it is not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn load(ctx: &Context<'_>, id: TeamId) -> Result<Option<Self>> {
        match id.some() {
            Some(id) => ctx.load(id).await,
            None => Ok(None),
        }
    }
}

/// A set of hosts and users.
#[Object]
impl Team {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Name, unique.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Purpose.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Hosts in the team.
    #[expect(clippy::too_many_arguments, reason = "one for each argument of the field")]
    async fn hosts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Hosts from the start at most, 1 to 100; 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
        #[graphql(desc = "Hosts from the end at most, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<Text>,
        #[graphql(desc = "Conditions that all must meet.")] filter: Option<HostFilter>,
        #[graphql(desc = "Order; last seen first when left out.")] sort: Option<HostSort>,
    ) -> Result<HostConnection> {
        let (window, filter) = (BothWays { first, after, last, before }, filter.map(Into::into));
        HostConnection::of_team(ctx, &self.0, &window, filter.unwrap_or_default(), HostSort::wanted(sort))
            .await
    }

    /// Saved queries of the team.
    async fn saved_queries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Saved queries at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<SavedQueryConnection> {
        SavedQueryConnection::of_team(ctx, &self.0, first, after).await
    }

    /// What SQL may not name on the hosts of the team, beside what `settings` restrict everywhere.
    async fn restrictions(&self) -> Vec<Restriction> {
        restrictions(&self.0).into_iter().map(Restriction::from).collect()
    }

    /// Days after which hosts of the team that are not seen any more are deleted; 0 for never, null as the settings of
    /// the fleet say.
    async fn host_expiry_days(&self) -> Option<i32> {
        self.0.host_expiry_days
    }

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection! {
    /// Page of teams.
    TeamConnection {
        /// Number that match.
        total_count
    }

    /// One team in a page.
    TeamEdge {
        /// The team.
        Team
    }
}
