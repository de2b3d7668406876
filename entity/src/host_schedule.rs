//! Table `host_schedule`.

use sea_orm::entity::prelude::*;

use crate::id::HostId;
use crate::time::Timestamp;

/// How one query of its schedule fares on a host, as osquery counts it: since the query was last changed, or osquery
/// started. Goes with its host.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "host_schedule")]
pub struct Model {
    /// The host.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
    /// Name of the query in the schedule.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// When it last ran; none when it has not.
    pub last_executed_at: Option<Timestamp>,
    /// Whether osquery refuses to run it for a day, because it was stopped in the middle of it.
    pub is_denylisted: bool,
    /// When that was first told; none when it does not refuse.
    pub denylisted_since: Option<Timestamp>,
    /// Seconds between its runs.
    pub interval_s: i64,
    /// How often it ran.
    pub executions: i64,
    /// Time that all runs took.
    pub wall_time_ms: i64,
    /// Processor time of all runs, in the program.
    pub user_time_ms: i64,
    /// Processor time of all runs, in the system.
    pub system_time_ms: i64,
    /// Memory that a run took on average.
    pub average_memory_bytes: i64,
    /// Bytes of all results.
    pub output_bytes: i64,
    /// When the host told this.
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
