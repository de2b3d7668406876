//! How queries fare.

use async_graphql::{Context, Enum, Object};

use super::host::Host;
use crate::fleet::reports;
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::scalars::{DateTime, UInt64};

/// Why a query runs on a host; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "reports::HealthSource")]
pub enum QueryHealthSource {
    /// It is on the host's schedule.
    Schedule,
    /// Somebody runs a saved query live.
    Live,
    /// The server asks what the host is.
    Vital,
    /// The server asks whether the host has a label.
    Label,
    /// The server asks whether the host passes a policy.
    Policy,
}

/// How a query fares on a host.
#[derive(Clone, Debug)]
pub struct QueryHealth(pub reports::QueryHealth);

/// How a query fares on a host. Of the schedule osquery counts since the query was changed or osquery started; of what is
/// asked from here, all runs are counted.
#[Object]
impl QueryHealth {
    /// The host.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.0.host).await
    }

    /// Why it runs.
    async fn source(&self) -> QueryHealthSource {
        self.0.source.into()
    }

    /// The name under which the host logs the query, or is asked it; of a live query the name of the saved query.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// osquery refuses to run it for a day, for it was stopped in the middle of it.
    async fn is_denylisted(&self) -> bool {
        self.0.denylisted_since.is_some()
    }

    /// Since when osquery refuses to run it: when the host first told so. Null when it does not refuse.
    async fn denylisted_since(&self) -> Option<DateTime> {
        self.0.denylisted_since.map(DateTime)
    }

    /// How often it ran.
    async fn executions(&self) -> UInt64 {
        UInt64::from(self.0.executions)
    }

    /// Milliseconds that all runs took.
    async fn wall_time_ms(&self) -> UInt64 {
        UInt64::from(self.0.wall_time_ms)
    }

    /// Milliseconds of processor time of all runs, in the program.
    async fn user_time_ms(&self) -> UInt64 {
        UInt64::from(self.0.user_time_ms)
    }

    /// Milliseconds of processor time of all runs, in the system.
    async fn system_time_ms(&self) -> UInt64 {
        UInt64::from(self.0.system_time_ms)
    }

    /// Bytes of memory that a run took on average.
    async fn average_memory_bytes(&self) -> UInt64 {
        UInt64::from(self.0.average_memory_bytes)
    }

    /// Bytes of all results. Null where they are not counted: of what is asked from here.
    async fn output_bytes(&self) -> Option<UInt64> {
        self.0.output_bytes.map(UInt64::from)
    }

    /// When it last ran; null when it has not.
    async fn last_executed_at(&self) -> Option<DateTime> {
        self.0.last_executed_at.map(DateTime)
    }

    /// When the host told this.
    async fn reported_at(&self) -> DateTime {
        DateTime(self.0.told_at)
    }
}
