//! Table `hosts`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, PublicId, TeamId};
use crate::kind::Platform;
use crate::time::Timestamp;

/// A host: a machine with an osquery agent.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hosts")]
pub struct Model {
    /// Inside id, small, for bitmaps; never reused.
    #[sea_orm(primary_key)]
    pub id: HostId,
    /// Outside id, `hst_…`.
    #[sea_orm(unique)]
    pub public_id: PublicId,
    /// Its team; 0 for none.
    #[sea_orm(indexed)]
    pub team_id: TeamId,
    /// The team whose secret let it in; 0 for none. It stays when the host moves.
    pub enrolled_team_id: TeamId,
    /// What tells it apart; what osquery calls itself by, unless configured otherwise.
    pub host_identifier: String,
    /// Hardware UUID as reported; empty when unknown; not always unique.
    pub hardware_uuid: String,
    /// Host name; the identifier until it is known.
    pub hostname: String,
    /// Hardware serial, when known.
    pub serial_number: Option<String>,
    /// Operating system family.
    pub platform: Platform,
    /// Operating system name and version.
    pub os_version: Option<String>,
    /// osquery version.
    pub osquery_version: Option<String>,
    /// Physical memory in bytes.
    pub memory_bytes: Option<i64>,
    /// Seconds between its check-ins, as configured.
    pub check_in_interval_s: i32,
    /// First enrolled.
    pub enrolled_at: Timestamp,
    /// Last enrolled.
    pub last_enrolled_at: Timestamp,
    /// Last contact, some seconds behind: it is written in batches.
    pub last_seen_at: Timestamp,
    /// When another hardware UUID enrolled under the same identifier.
    pub clone_suspected_at: Option<Timestamp>,
    /// When a secret of another team was used for the same machine.
    pub foreign_secret_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
