//! Schedules of saved queries.

use async_graphql::{ComplexObject, Context, Enum, InputObject, SimpleObject};
use entity::id::LabelId;

use super::label::Label;
use crate::fleet::schedule::{self, Conditions, LabelScope, NewConditions, NewSchedule};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::id::{Id, publics};
use crate::graphql::scalars::Text;

/// What is logged of the runs of a scheduled query; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "schedule::ScheduleLogging")]
pub enum ScheduleLogging {
    /// Every row of every run.
    Snapshot,
    /// Rows that came and rows that went, compared with the run before.
    Differential,
    /// Rows that came.
    DifferentialIgnoreRemovals,
}

/// When and where a saved query runs on its own, and what becomes of its results.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Schedule {
    /// Seconds between two runs.
    interval: i32,
    /// What is logged of a run.
    logging: ScheduleLogging,
    /// Platforms it runs on, with commas, as osquery reads them; null for all.
    platform: Option<String>,
    /// Least osquery version it runs on; null for any.
    min_osquery_version: Option<String>,
    /// Percent of the hosts it runs on; null for all.
    shard: Option<i32>,
    /// An agent that dies while it runs it does not run it again for a day.
    denylist: bool,
    /// Its results are not kept as reports.
    discard_data: bool,
    /// Its results are shipped to destinations.
    automations: bool,
    /// Which labels a host must have.
    #[graphql(skip)]
    labels: LabelScope,
}

#[ComplexObject]
impl Schedule {
    /// A host must have one of these labels; empty for any host. Null for who may not read labels.
    async fn labels_include_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        labels(ctx, &self.labels.include_any).await.map(Some)
    }

    /// A host must have none of these labels. Null for who may not read labels.
    async fn labels_exclude_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        labels(ctx, &self.labels.exclude_any).await.map(Some)
    }
}

impl From<schedule::Schedule> for Schedule {
    fn from(schedule: schedule::Schedule) -> Self {
        let schedule::Schedule { interval_s, logging, conditions, denylist, discard_data, automations } =
            schedule;
        let Conditions { platform, min_osquery_version, shard, labels } = conditions;
        Self {
            interval: interval_s,
            logging: logging.into(),
            platform,
            min_osquery_version,
            shard,
            denylist,
            discard_data,
            automations,
            labels,
        }
    }
}

/// The visible labels of these ids.
///
/// # Errors
/// Denied; unavailable.
pub(super) async fn labels(ctx: &Context<'_>, ids: &[LabelId]) -> Result<Vec<Label>> {
    let mut found = ctx.load_many(ids.iter().copied()).await?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// When and where a saved query shall run on its own, and what becomes of its results.
#[derive(InputObject)]
pub struct ScheduleInput {
    /// Seconds between two runs, 1 to 604,800.
    interval: i32,
    /// What is logged of a run.
    #[graphql(default_with = "ScheduleLogging::Differential")]
    logging: ScheduleLogging,
    /// Platforms it runs on, with commas: darwin, linux, windows, posix. All when left out.
    platform: Option<Text>,
    /// Least osquery version it runs on.
    min_osquery_version: Option<Text>,
    /// Percent of the hosts it runs on, 1 to 100.
    shard: Option<i32>,
    /// An agent that dies while it runs it does not run it again for a day.
    #[graphql(default = true)]
    denylist: bool,
    /// Its results are not kept as reports.
    #[graphql(default = false)]
    discard_data: bool,
    /// Its results are shipped to destinations.
    #[graphql(default = true)]
    automations: bool,
    /// A host must have one of these labels; at most 100.
    #[graphql(default)]
    labels_include_any: Vec<Id<Label>>,
    /// A host must have none of these labels; at most 100.
    #[graphql(default)]
    labels_exclude_any: Vec<Id<Label>>,
}

impl From<ScheduleInput> for NewSchedule {
    fn from(input: ScheduleInput) -> Self {
        Self {
            interval_s: input.interval,
            logging: input.logging.into(),
            conditions: NewConditions {
                platform: input.platform.map(|text| text.0),
                min_osquery_version: input.min_osquery_version.map(|text| text.0),
                shard: input.shard,
                include_any: publics(input.labels_include_any),
                exclude_any: publics(input.labels_exclude_any),
            },
            denylist: input.denylist,
            discard_data: input.discard_data,
            automations: input.automations,
        }
    }
}
