//! Table `reports`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, ReportId, SavedQueryId};
use crate::time::Timestamp;

/// A report: the latest rows of a scheduled query on a host.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reports")]
pub struct Model {
    /// Inside id.
    #[sea_orm(primary_key)]
    pub id: ReportId,
    /// The host.
    pub host_id: HostId,
    /// The name under which the agent logs the query.
    pub name: String,
    /// The query, when it was on the host's schedule at the last line; none is kept apart.
    pub saved_query_id: Option<SavedQueryId>,
    /// `schedule_epoch` of the agent.
    pub epoch: i64,
    /// Number of the last run that said something, from the run that said everything, 0.
    pub counter: i64,
    /// Unix time of the run that said everything, by the host's clock.
    pub baseline_at: i64,
    /// Unix time of the last line, by the host's clock.
    pub logged_at: i64,
    /// A run that said everything was seen: the rows are all that there are.
    pub is_complete: bool,
    /// The rows, as a JSON array of objects, oldest first.
    pub rows: Vec<u8>,
    /// How many those are.
    pub row_count: i64,
    /// Rows that are there on the host and not kept, for there are too many.
    pub dropped: i64,
    /// When the last line came.
    pub received_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
