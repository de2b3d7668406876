//! Numbers of hosts.

use async_graphql::{Context, Object, SimpleObject};
use entity::id::{LabelId, TeamId};
use futures_util::future::try_join_all;

use super::host::{HostStatus, Platform};
use super::label::Label;
use super::team::Team;
use crate::fleet::hosts;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::scalars::int;

/// Numbers of the hosts that meet a filter.
pub struct HostCounts {
    /// The filter.
    pub filter: hosts::HostFilter,
    /// What was counted at once.
    pub counts: hosts::HostCounts,
}

/// Numbers of hosts, as far as the caller can see them.
#[Object]
impl HostCounts {
    /// All of them.
    async fn total(&self) -> i32 {
        int(self.counts.statuses.iter().map(|(_, hosts)| hosts).sum::<u64>())
    }

    /// By state, each state once.
    async fn by_status(&self) -> Vec<HostStatusCount> {
        let count = |(status, hosts): &(hosts::HostStatus, u64)| HostStatusCount {
            status: (*status).into(),
            hosts: int(*hosts),
        };
        self.counts.statuses.iter().map(count).collect()
    }

    /// By platform, those of which there are hosts.
    async fn by_platform(&self) -> Vec<HostPlatformCount> {
        let count = |(platform, hosts): &(hosts::Platform, u64)| HostPlatformCount {
            platform: (*platform).into(),
            hosts: int(*hosts),
        };
        self.counts.platforms.iter().map(count).collect()
    }

    /// By team, those that have hosts; hosts in no team first.
    async fn by_team(&self, ctx: &Context<'_>) -> Result<Vec<HostTeamCount>> {
        // At once, so that the loader reads all teams in one statement.
        let count = async |(team, hosts): &(TeamId, u64)| {
            Ok(HostTeamCount { team: Team::load(ctx, *team).await?, hosts: int(*hosts) })
        };
        try_join_all(self.counts.teams.iter().map(count)).await
    }

    /// By label, those that have hosts. A host with several counts for each.
    async fn by_label(&self, ctx: &Context<'_>) -> Result<Vec<HostLabelCount>> {
        let counted = ctx.fleet().host_counts_by_label(ctx.actor(), &self.filter).await?;
        let ids: Vec<LabelId> = counted.iter().map(|(label, _)| *label).collect();
        let mut labels = ctx.fleet().labels_by_ids(ctx.actor(), &ids).await?;
        let count = |(label, hosts): (LabelId, u64)| {
            Some(HostLabelCount { label: Label(labels.remove(&label)?), hosts: int(hosts) })
        };
        Ok(counted.into_iter().filter_map(count).collect())
    }
}

/// Number of hosts in a state.
#[derive(SimpleObject)]
struct HostStatusCount {
    /// The state.
    status: HostStatus,
    /// How many.
    hosts: i32,
}

/// Number of hosts of a platform.
#[derive(SimpleObject)]
struct HostPlatformCount {
    /// The platform.
    platform: Platform,
    /// How many.
    hosts: i32,
}

/// Number of hosts in a team.
#[derive(SimpleObject)]
struct HostTeamCount {
    /// The team; null for hosts in none.
    team: Option<Team>,
    /// How many.
    hosts: i32,
}

/// Number of hosts with a label.
#[derive(SimpleObject)]
struct HostLabelCount {
    /// The label.
    label: Label,
    /// How many.
    hosts: i32,
}
