//! Lists of hosts.

use async_graphql::Context;

use super::host::Host;
use crate::fleet::hosts::{self, Page};
use crate::fleet::teams;
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::loader::HostsOf;
use crate::graphql::page::{BothWays, List};

connection! {
    /// Page of hosts.
    HostConnection {
        /// Number of hosts that match, or null when it was not counted.
        total_count
    }

    /// One host in a page.
    HostEdge {
        /// The host.
        Host
    }
}

impl HostConnection {
    /// The hosts that a client asks for.
    ///
    /// # Errors
    /// The window is not acceptable; denied; unavailable.
    pub async fn of(
        ctx: &Context<'_>,
        window: &BothWays,
        filter: hosts::HostFilter,
        sort: hosts::HostSort,
    ) -> Result<Self> {
        let list = List::hosts(sort);
        let request = window.of(list, ctx.fleet().keys())?;
        let page = ctx.fleet().hosts(ctx.actor(), &filter, sort, request.clone()).await?;
        Ok(Self::new(Listed::page(list, &request, page, Host), Total::Hosts(filter)))
    }

    /// The hosts of a team that a client asks for. Of one that the filter leaves out there are none.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn of_team(
        ctx: &Context<'_>,
        team: &teams::Team,
        window: &BothWays,
        mut filter: hosts::HostFilter,
        sort: hosts::HostSort,
    ) -> Result<Self> {
        let list = List::hosts(sort);
        let request = window.of(list, ctx.fleet().keys())?;
        let is_met = filter.team_ids.take().is_none_or(|teams| teams.contains(&team.public_id));
        let wanted = HostsOf(team.id, (filter.clone(), sort, request.clone()));
        let found = if is_met { ctx.load(wanted).await? } else { None };
        let total = if is_met { Total::HostsOfTeam(team.id, filter) } else { Total::Nothing };
        let page = found.unwrap_or_else(Page::empty);
        Ok(Self::new(Listed::page(list, &request, page, Host), total))
    }
}
