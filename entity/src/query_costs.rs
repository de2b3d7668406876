//! Table `query_costs`.

use sea_orm::entity::prelude::*;

use crate::id::HostId;
use crate::kind::AskedKind;
use crate::time::Timestamp;

/// What a query that is asked from here, beside any schedule, costs on a host: as its agent counted, over all runs. Goes
/// with its host.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "query_costs")]
pub struct Model {
    /// The host.
    #[sea_orm(primary_key, auto_increment = false)]
    pub host_id: HostId,
    /// Why it is asked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: AskedKind,
    /// Which one: the inside id of the saved query that runs live, or the key of what is due.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// How often it ran.
    pub executions: i64,
    /// Time that all runs took.
    pub wall_time_ms: i64,
    /// Processor time of all runs, in the program.
    pub user_time_ms: i64,
    /// Processor time of all runs, in the system.
    pub system_time_ms: i64,
    /// Memory that all runs took, each counted anew.
    pub memory_bytes: i64,
    /// When it last ran: when its answer came.
    pub last_executed_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
