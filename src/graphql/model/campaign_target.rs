//! Targets of a campaign, and why one failed.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::host::Host;
use crate::fleet::campaigns;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::shown;
use crate::graphql::scalars::{DateTime, int};

/// State of one target; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "campaigns::TargetState")]
pub enum CampaignTargetState {
    /// Awaited.
    Pending,
    /// Answered with rows, perhaps none.
    Succeeded,
    /// Answered with an error.
    Failed,
}

/// Kinds of host failure; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "campaigns::HostErrorCode")]
pub enum CampaignHostErrorCode {
    /// SQL was not accepted.
    SqlError,
    /// The table is not on this platform or version.
    TableNotFound,
    /// A required column was not constrained.
    MissingConstraint,
    /// osqueryd died or restarted while running this text; it refuses it for up to 24 h. Change the text to ask
    /// again.
    Denylisted,
    /// The result was larger than the server takes.
    ResultTooLarge,
    /// The result could not be read.
    Malformed,
    /// The host was transferred or deleted while it was awaited.
    Withdrawn,
    /// Anything else.
    Unknown,
}

/// Why a host failed.
#[derive(Clone, Debug, SimpleObject)]
pub struct CampaignHostFailure {
    /// For programs.
    code: CampaignHostErrorCode,
    /// osquery's message, cleaned and cut to 1 KiB.
    message: String,
}

impl From<campaigns::HostFailure> for CampaignHostFailure {
    fn from(failure: campaigns::HostFailure) -> Self {
        Self { code: failure.code.into(), message: failure.message }
    }
}

/// One host of a campaign.
pub struct CampaignTarget(pub campaigns::Target);

/// One host of a campaign.
#[Object]
impl CampaignTarget {
    /// Id of the host, also when it was deleted.
    async fn host_id(&self) -> ID {
        shown(&self.0.host_public_id)
    }

    /// Host name as of the answer, or now.
    async fn hostname(&self) -> &str {
        &self.0.hostname
    }

    /// The host; null when it was deleted or is not visible to the caller.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.0.host_id).await
    }

    /// State.
    async fn state(&self) -> CampaignTargetState {
        self.0.state.into()
    }

    /// When it answered.
    async fn responded_at(&self) -> Option<DateTime> {
        self.0.responded_at.map(DateTime)
    }

    /// Rows kept.
    async fn rows(&self) -> i32 {
        int(self.0.rows)
    }

    /// Rows dropped by a limit.
    async fn rows_dropped(&self) -> i32 {
        int(self.0.rows_dropped)
    }

    /// Why it failed.
    async fn error(&self) -> Option<CampaignHostFailure> {
        self.0.failure.clone().map(CampaignHostFailure::from)
    }
}

connection! {
    /// Page of targets.
    CampaignTargetConnection {
        /// Number that match.
        total_count
    }

    /// One target in a page.
    CampaignTargetEdge {
        /// The target.
        CampaignTarget
    }
}
