//! Lists as Relay connections: edges with cursors, and the nodes alone.

use std::hash::Hash;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Object};
use entity::id::{CampaignId, PackId, PublicId, SavedQueryId, TeamId};

use super::context::ContextExt;
use super::error::{Failure, Result};
use super::loader::{Fetch, HostCountIn, PackQueryCount, RunCount, TargetCount, TeamQueryCount};
use super::page::List;
use super::scalars::int;
use crate::fleet::campaigns::{CampaignFilter, EventPage, TargetFilter};
use crate::fleet::hosts::{HostFilter, Key, Page, PageRequest};
use crate::fleet::policies::PolicyFilter;
use crate::fleet::saved_queries::SavedQueryFilter;

/// The cursor of an edge, sealed when it is asked for.
#[derive(Clone, Debug)]
pub enum Cursor {
    /// Of a row of a list.
    Row(List, Key),
    /// Of an event, or a row of a report, sealed already.
    Sealed(String),
}

impl Cursor {
    /// The cursor as clients see it.
    #[must_use]
    pub fn shown(&self, ctx: &Context<'_>) -> String {
        match self {
            Self::Row(list, key) => list.seal(ctx.fleet().keys(), key),
            Self::Sealed(cursor) => cursor.clone(),
        }
    }
}

/// What surrounds a page.
pub struct PageInfo {
    more_after: bool,
    more_before: bool,
    start: Option<Cursor>,
    end: Option<Cursor>,
}

/// Relay page information.
#[Object]
impl PageInfo {
    /// More edges exist after endCursor.
    async fn has_next_page(&self) -> bool {
        self.more_after
    }

    /// More edges exist before startCursor.
    async fn has_previous_page(&self) -> bool {
        self.more_before
    }

    /// Cursor of the first edge.
    async fn start_cursor(&self, ctx: &Context<'_>) -> Option<String> {
        self.start.as_ref().map(|cursor| cursor.shown(ctx))
    }

    /// Cursor of the last edge.
    async fn end_cursor(&self, ctx: &Context<'_>) -> Option<String> {
        self.end.as_ref().map(|cursor| cursor.shown(ctx))
    }
}

/// A page on its way into a connection.
pub struct Listed<N> {
    /// The nodes, each with its cursor.
    pub nodes: Vec<(Cursor, N)>,
    /// What surrounds them.
    pub page_info: PageInfo,
}

impl<N> Listed<N> {
    /// The page that answers `request`, its rows wrapped as nodes.
    pub fn page<T>(list: List, request: &PageRequest, page: Page<T>, wrap: impl Fn(T) -> N) -> Self {
        let started = request.after.is_some();
        let (more_before, more_after) =
            if request.backward { (page.more, started) } else { (started, page.more) };
        let row = |(key, item)| (Cursor::Row(list, key), wrap(item));
        let nodes: Vec<_> = page.items.into_iter().map(row).collect();
        let start = nodes.first().map(|(cursor, _)| cursor.clone());
        let end = nodes.last().map(|(cursor, _)| cursor.clone());
        Self { nodes, page_info: PageInfo { more_after, more_before, start, end } }
    }
}

impl<N> Listed<N> {
    /// A page whose cursors are sealed already. It ends where the reader stopped, which may be past its last node.
    #[must_use]
    pub fn sealed(
        nodes: Vec<(Cursor, N)>,
        (more_before, more_after): (bool, bool),
        end: Option<String>,
    ) -> Self {
        let start = nodes.first().map(|(cursor, _)| cursor.clone());
        let page_info = PageInfo { more_after, more_before, start, end: end.map(Cursor::Sealed) };
        Self { nodes, page_info }
    }
}

impl<N: From<crate::fleet::campaigns::Event>> Listed<N> {
    /// A page of events that follow `after`. It ends where the reader stopped, which may be past its last event.
    #[must_use]
    pub fn events(after: Option<&str>, page: EventPage) -> Self {
        let start = page.events.first().map(|event| Cursor::Sealed(event.cursor.clone()));
        let end = Some(Cursor::Sealed(page.end_cursor));
        let node =
            |event: crate::fleet::campaigns::Event| (Cursor::Sealed(event.cursor.clone()), event.into());
        Self {
            nodes: page.events.into_iter().map(node).collect(),
            page_info: PageInfo { more_after: page.more, more_before: after.is_some(), start, end },
        }
    }
}

/// A total that is counted when it is asked for.
pub enum Total {
    /// Of hosts.
    Hosts(HostFilter),
    /// Of teams.
    Teams,
    /// Of users: with a role in this team, part of the name or e-mail.
    Users(Option<PublicId>, Option<String>),
    /// Of saved queries.
    SavedQueries(SavedQueryFilter),
    /// Of packs: team, part of the name.
    Packs(Option<PublicId>, Option<String>),
    /// Of policies.
    Policies(PolicyFilter),
    /// Of campaigns.
    Campaigns(CampaignFilter),
    /// Of a list that the filter leaves empty.
    Nothing,
    /// Of the hosts of a team.
    HostsOfTeam(TeamId, HostFilter),
    /// Of the saved queries of a team.
    QueriesOfTeam(TeamId),
    /// Of the saved queries of a pack.
    QueriesOfPack(PackId),
    /// Of the runs of a saved query.
    Runs(SavedQueryId),
    /// Of the targets of a campaign.
    Targets(CampaignId, TargetFilter),
}

impl Total {
    /// Counts what the caller may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let (fleet, actor) = (ctx.fleet(), ctx.actor());
        let total = match self {
            Self::Hosts(filter) => fleet.count_hosts(actor, filter).await?,
            Self::Teams => fleet.count_teams(actor).await?,
            Self::Users(team, search) => fleet.count_users(actor, team.as_ref(), search.as_deref()).await?,
            Self::SavedQueries(filter) => fleet.count_saved_queries(actor, filter).await?,
            Self::Packs(team, search) => fleet.count_packs(actor, team.as_ref(), search.as_deref()).await?,
            Self::Policies(filter) => fleet.count_policies(actor, filter).await?,
            Self::Campaigns(filter) => fleet.count_campaigns(actor, filter).await?,
            Self::Nothing => 0,
            Self::HostsOfTeam(team, filter) => number(ctx, HostCountIn(*team, filter.clone())).await?,
            Self::QueriesOfTeam(team) => number(ctx, TeamQueryCount(*team)).await?,
            Self::QueriesOfPack(pack) => number(ctx, PackQueryCount(*pack)).await?,
            Self::Runs(query) => number(ctx, RunCount(*query)).await?,
            Self::Targets(campaign, filter) => number(ctx, TargetCount(*campaign, filter.clone())).await?,
        };
        Ok(Some(int(total)))
    }
}

/// A number that is counted together with those of other objects.
async fn number<K>(ctx: &Context<'_>, key: K) -> Result<u64>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Fetch: Loader<K, Value = u64, Error = Failure>,
{
    Ok(ctx.load(key).await?.unwrap_or_default())
}

/// Declares a connection and its edge: `nodes` and `pageInfo` are the same in all, `totalCount` is in those that
/// name it.
macro_rules! connection {
    (
        $(#[$page:meta])* $connection:ident { $($(#[$count:meta])* $total_count:ident)? }
        $(#[$one:meta])* $edge:ident { $(#[$the:meta])* $model:ty }
    ) => {
        $(#[$page])*
        pub struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::graphql::connection::PageInfo,
            $($total_count: $crate::graphql::connection::Total,)?
        }

        $(#[$one])*
        pub struct $edge {
            cursor: $crate::graphql::connection::Cursor,
            node: $model,
        }

        impl $connection {
            /// The connection of a page.
            #[must_use]
            pub fn new(
                listed: $crate::graphql::connection::Listed<$model>
                $(, $total_count: $crate::graphql::connection::Total)?
            ) -> Self {
                let edges = listed.nodes.into_iter().map(|(cursor, node)| $edge { cursor, node }).collect();
                Self { edges, page_info: listed.page_info $(, $total_count)? }
            }
        }

        impl $edge {
            /// The edge of what was made just now, in a list by id.
            #[must_use]
            pub fn fresh(list: $crate::graphql::page::List, id: i64, node: $model) -> Self {
                let key = $crate::fleet::hosts::Key { sort: None, id };
                Self { cursor: $crate::graphql::connection::Cursor::Row(list, key), node }
            }
        }

        $(#[$page])*
        #[async_graphql::Object]
        impl $connection {
            /// Edges in order.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// Nodes in order, for clients that need no cursors.
            async fn nodes(&self) -> Vec<&$model> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Page information.
            async fn page_info(&self) -> &$crate::graphql::connection::PageInfo {
                &self.page_info
            }

            $(
                $(#[$count])*
                async fn $total_count(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                ) -> $crate::graphql::error::Result<Option<i32>> {
                    self.$total_count.count(ctx).await
                }
            )?
        }

        $(#[$one])*
        #[async_graphql::Object]
        impl $edge {
            /// Cursor of the edge.
            async fn cursor(&self, ctx: &async_graphql::Context<'_>) -> String {
                self.cursor.shown(ctx)
            }

            $(#[$the])*
            async fn node(&self) -> &$model {
                &self.node
            }
        }
    };
}
pub(crate) use connection;
