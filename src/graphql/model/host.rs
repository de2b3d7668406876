//! Hosts.

use async_graphql::{Context, Enum, ID, Object};

use super::host_answer::{HostAnswer, HostAnswerConnection};
use super::label::{Label, LabelConnection};
use super::node::Node;
use super::team::Team;
use crate::fleet::hosts::{self, Page};
use crate::graphql::connection::{Listed, Total, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, Identified, shown};
use crate::graphql::loader::{LabelsOf, NodeId};
use crate::graphql::page::{BothWays, List};
use crate::graphql::scalars::{DateTime, Text, UInt64};

/// Operating system family; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::Platform")]
pub enum Platform {
    /// Apple macOS.
    Darwin,
    /// Any Linux.
    Linux,
    /// Microsoft Windows.
    Windows,
    /// FreeBSD.
    Freebsd,
    /// Anything else, or not known yet.
    Other,
}

/// Whether a host has checked in lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::HostStatus")]
pub enum HostStatus {
    /// Checked in within its interval plus grace.
    Online,
    /// Missed its check-in.
    Offline,
    /// Not seen for 30 days.
    Missing,
}

/// A machine that runs osquery.
#[derive(Clone, Debug)]
pub struct Host(pub hosts::Host);

impl Identified for Host {
    const PREFIX: &'static str = "hst";
}

impl Host {
    /// The host that a client names; none when it is absent or not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn find(ctx: &Context<'_>, id: Id<Self>) -> Result<Option<Self>> {
        let node = ctx.load(NodeId(id.into_public())).await?;
        Ok(node.and_then(|node| if let Node::Host(host) = node { Some(host) } else { None }))
    }
}

/// A machine that runs osquery.
#[Object]
impl Host {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// Host name; the identifier until it is known.
    async fn hostname(&self) -> &str {
        &self.0.hostname
    }

    /// What tells the host apart: what osquery calls itself by, unless the server is configured otherwise.
    async fn host_identifier(&self) -> &str {
        &self.0.host_identifier
    }

    /// Hardware UUID, as reported; not always unique.
    async fn uuid(&self) -> Option<&str> {
        Some(self.0.hardware_uuid.as_str()).filter(|uuid| !uuid.is_empty())
    }

    /// Hardware serial, when known.
    async fn serial_number(&self) -> Option<&str> {
        self.0.serial_number.as_deref()
    }

    /// Operating system family.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// Operating system name and version.
    async fn os_version(&self) -> Option<&str> {
        self.0.os_version.as_deref()
    }

    /// osquery version.
    async fn osquery_version(&self) -> Option<&str> {
        self.0.osquery_version.as_deref()
    }

    /// Current state.
    async fn status(&self) -> HostStatus {
        self.0.status.into()
    }

    /// Last contact.
    async fn last_seen_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.last_seen_at))
    }

    /// First enrolled.
    async fn enrolled_at(&self) -> DateTime {
        DateTime(self.0.enrolled_at)
    }

    /// When another machine enrolled under the same identifier: one of them may be a clone of the other. Null when
    /// none did.
    async fn clone_suspected_at(&self) -> Option<DateTime> {
        self.0.clone_suspected_at.map(DateTime)
    }

    /// When a secret of another team was used for the same machine, which made another host. Null when none was.
    async fn foreign_secret_at(&self) -> Option<DateTime> {
        self.0.foreign_secret_at.map(DateTime)
    }

    /// Physical memory in bytes.
    async fn memory_bytes(&self) -> Option<UInt64> {
        self.0.memory_bytes.map(UInt64::from)
    }

    /// Team the host is in; null for none.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team_id).await
    }

    /// Labels the host has.
    async fn labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Labels at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<LabelConnection> {
        let request = List::LABELS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let mut labels = ctx.load(LabelsOf(self.0.id)).await?.unwrap_or_default();
        labels.retain(|label| request.after.as_ref().is_none_or(|after| label.id.0 > after.id));
        let more = labels.len() as u64 > request.limit;
        labels.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
        let key = |id| hosts::Key { sort: None, id };
        let items = labels.into_iter().map(|label| (key(label.id.0), label)).collect();
        Ok(LabelConnection::new(Listed::page(List::LABELS, &request, Page { items, more }, Label)))
    }

    /// Answers of this host in campaigns, newest first; only those given while it was in a team that the caller may
    /// see.
    async fn answers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Answers at most, 1 to 100.", default = 20)] first: i32,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<Text>,
    ) -> Result<HostAnswerConnection> {
        let request = List::HOST_ANSWERS.forward(ctx.fleet().keys(), first, after.as_ref())?;
        let page = ctx.fleet().answers_of_host(ctx.actor(), self.0.id, request.clone()).await?;
        Ok(HostAnswerConnection::new(Listed::page(List::HOST_ANSWERS, &request, page, HostAnswer)))
    }
}

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
}
