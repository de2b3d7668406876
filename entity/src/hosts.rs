//! Table `hosts`.

use sea_orm::entity::prelude::*;

use crate::id::{HostId, PublicId, TeamId};
use crate::kind::{HostStatus, Platform};
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
    /// When it last answered its vitals, all of them.
    pub vitals_at: Option<Timestamp>,
    /// When it last answered the queries of all its labels.
    pub labels_at: Option<Timestamp>,
    /// When it last answered all its policies.
    pub policies_at: Option<Timestamp>,
    /// When somebody, or an enrollment, last wanted everything anew.
    pub refetch_at: Option<Timestamp>,
    /// Last check-in: a distributed read or write.
    pub checked_in_at: Option<Timestamp>,
    /// Last fetch of its configuration.
    pub config_at: Option<Timestamp>,
    /// Last log lines.
    pub logged_at: Option<Timestamp>,
    /// Since when it takes queries at its check-ins and answers none.
    pub unanswered_since: Option<Timestamp>,
    /// When the machine was started.
    pub booted_at: Option<Timestamp>,
    /// Size of its file systems on disks.
    pub disk_total_bytes: Option<i64>,
    /// What is free of that.
    pub disk_free_bytes: Option<i64>,
    /// Seconds between its fetches of the configuration, by its own flags; 0 for at its start only.
    pub config_interval_s: Option<i32>,
    /// Seconds between its posts of log lines, by its own flags.
    pub log_interval_s: Option<i32>,
    /// Logical processor cores.
    pub cpu_cores: Option<i32>,
    /// Which installation of osquery it is: an id that lives as long as its database.
    #[sea_orm(indexed)]
    pub instance_id: Option<String>,
    /// Maker of the hardware.
    pub hardware_vendor: Option<String>,
    /// Model of the hardware.
    pub hardware_model: Option<String>,
    /// Name of the processor.
    pub cpu_brand: Option<String>,
    /// Its first address that is of no loopback and not only local to its link.
    pub primary_address: Option<String>,
    /// Hardware address of that interface.
    pub primary_mac: Option<String>,
    /// Whether only its own installation of osquery enrolls as it: two have taken turns.
    pub is_pinned: bool,
    /// What it last told as `osquery_info.config_hash`: which configuration it runs.
    pub config_hash: Option<String>,
    /// The state that was last told; what it is now follows from its times.
    pub status: HostStatus,
}

impl ActiveModelBehavior for ActiveModel {}
