//! What a campaign was started with.

use async_graphql::{Context, ID, Object};
use entity::id::PublicId;

use super::campaign::Campaign;
use super::host::{HostStatus, Platform};
use super::host_filter::each_into;
use super::label::Label;
use super::node::Node;
use super::team::Team;
use crate::fleet::campaigns::{self, Targets};
use crate::fleet::hosts;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::shown;
use crate::graphql::loader::NodeId;

/// The selection that a campaign was started with; none of its fields is set when its stored form is of another
/// version.
pub struct TargetSelection(Option<Targets>);

impl TargetSelection {
    /// The selection as the campaign keeps it.
    #[must_use]
    pub fn of(campaign: &campaigns::Campaign) -> Self {
        Self(campaigns::selection(campaign))
    }
}

/// The selection that a campaign was started with; one of its fields is set.
#[Object]
impl TargetSelection {
    /// Every host the caller could run on.
    async fn all_hosts(&self) -> bool {
        matches!(self.0, Some(Targets::AllHosts))
    }

    /// Named hosts.
    async fn host_ids(&self, ctx: &Context<'_>) -> Result<Option<Vec<ID>>> {
        let Some(Targets::Hosts(ids)) = &self.0 else { return Ok(None) };
        let visible = ctx.load_many(ids.iter().cloned().map(NodeId)).await?;
        let ids = ids.iter().filter(|id| visible.contains_key(&NodeId((*id).clone())));
        Ok(Some(ids.map(shown).collect()))
    }

    /// Conditions, as given.
    async fn filter(&self) -> Option<TargetFilter> {
        let Some(Targets::Filter(filter)) = &self.0 else { return None };
        Some(TargetFilter(filter.clone()))
    }

    /// The earlier campaign.
    async fn campaign(&self, ctx: &Context<'_>) -> Result<Option<Campaign>> {
        let Some(Targets::Campaign { id, .. }) = &self.0 else { return Ok(None) };
        let node = ctx.load(NodeId(id.clone())).await?;
        Ok(node.and_then(|node| if let Node::Campaign(campaign) = node { Some(campaign) } else { None }))
    }
}

/// Conditions of a selection.
pub struct TargetFilter(hosts::HostFilter);

/// Conditions of a selection.
#[Object]
impl TargetFilter {
    /// Teams.
    async fn teams(&self, ctx: &Context<'_>) -> Result<Option<Vec<Team>>> {
        let team = |node| if let Node::Team(team) = node { Some(team) } else { None };
        visible(ctx, self.0.team_ids.as_deref(), team).await
    }

    /// Labels.
    async fn labels(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        let label = |node| if let Node::Label(label) = node { Some(label) } else { None };
        visible(ctx, self.0.label_ids.as_deref(), label).await
    }

    /// Platforms.
    async fn platforms(&self) -> Option<Vec<Platform>> {
        self.0.platforms.clone().map(each_into)
    }

    /// States.
    async fn statuses(&self) -> Option<Vec<HostStatus>> {
        self.0.statuses.clone().map(each_into)
    }

    /// Text.
    async fn search(&self) -> Option<&str> {
        self.0.search.as_deref()
    }
}

/// The objects of `ids` that the caller may see, in their order.
async fn visible<N>(
    ctx: &Context<'_>,
    ids: Option<&[PublicId]>,
    of: impl Fn(Node) -> Option<N>,
) -> Result<Option<Vec<N>>> {
    let Some(ids) = ids else { return Ok(None) };
    let mut nodes = ctx.load_many(ids.iter().cloned().map(NodeId)).await?;
    Ok(Some(ids.iter().filter_map(|id| nodes.remove(&NodeId(id.clone())).and_then(&of)).collect()))
}
