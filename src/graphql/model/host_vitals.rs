//! What hosts tell of themselves, when they are heard of, and how their answers fail to come.

use async_graphql::{Context, Enum, Object, SimpleObject};

use super::host::Host;
use crate::fleet::{hosts, vitals};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::loader::VitalsOf;
use crate::graphql::scalars::{DateTime, OsqueryRows, UInt64};

/// What a host told of itself.
#[derive(Clone, Debug)]
pub struct HostVitals(pub hosts::Host);

/// What a host told of itself. Each value is the last one that it told; null when it never did.
#[Object]
impl HostVitals {
    /// When it last told all of it. Null when it has not yet.
    async fn updated_at(&self) -> Option<DateTime> {
        self.0.vitals_at.map(DateTime)
    }

    /// Since when somebody waits for it to tell everything anew. Null when nobody does.
    async fn refetch_requested_at(&self) -> Option<DateTime> {
        self.0.refetch_at.map(DateTime)
    }

    /// Hash of the configuration that it runs, as osquery reports it (`osquery_info.config_hash`). `osqueryConfig` has the
    /// one that an agent reports of what is served.
    async fn config_hash(&self) -> Option<&str> {
        self.0.details.config_hash.as_deref()
    }

    /// Maker of the hardware.
    async fn hardware_vendor(&self) -> Option<&str> {
        self.0.details.hardware_vendor.as_deref()
    }

    /// Model of the hardware.
    async fn hardware_model(&self) -> Option<&str> {
        self.0.details.hardware_model.as_deref()
    }

    /// Name of the processor.
    async fn cpu_brand(&self) -> Option<&str> {
        self.0.details.cpu_brand.as_deref()
    }

    /// Logical processor cores.
    async fn cpu_cores(&self) -> Option<i32> {
        self.0.details.cpu_cores
    }

    /// Its first address that is of no loopback and not only local to a link, version 4 before 6.
    async fn primary_address(&self) -> Option<&str> {
        self.0.details.primary_address.as_deref()
    }

    /// Hardware address of that interface.
    async fn primary_mac(&self) -> Option<&str> {
        self.0.details.primary_mac.as_deref()
    }

    /// When the machine was started.
    async fn booted_at(&self) -> Option<DateTime> {
        self.0.details.booted_at.map(DateTime)
    }

    /// Size of its main file system: `/`, or the drive that Windows starts from.
    async fn disk_total_bytes(&self) -> Option<UInt64> {
        self.0.details.disk_total_bytes.map(UInt64::from)
    }

    /// What is free of that.
    async fn disk_free_bytes(&self) -> Option<UInt64> {
        self.0.details.disk_free_bytes.map(UInt64::from)
    }

    /// Which installation of osquery it is: an id that lives as long as its database.
    async fn instance_id(&self) -> Option<&str> {
        self.0.details.instance_id.as_deref()
    }

    /// What it told in rows, by key: interfaces, disks, users, flags, and what the settings add.
    async fn tables(&self, ctx: &Context<'_>) -> Result<Vec<HostVitalTable>> {
        let tables = ctx.load(VitalsOf(self.0.id)).await?.unwrap_or_default();
        Ok(tables.into_iter().map(HostVitalTable).collect())
    }
}

/// Rows that a host told of itself.
#[derive(Clone, Debug)]
pub struct HostVitalTable(pub vitals::VitalTable);

/// Rows that a host told of itself.
#[Object]
impl HostVitalTable {
    /// Which ones: `interfaces`, `disks`, `users` …, or `extra_NAME` for an additional query of the settings.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The rows of the last time that it worked.
    async fn rows(&self) -> OsqueryRows {
        OsqueryRows(self.0.rows.clone().into())
    }

    /// Why it failed the last time. Null when it did not.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// When it was told.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// When a host was heard of, and how often it says it is to be.
#[derive(Clone, Debug)]
pub struct HostContact(pub hosts::Contact);

/// When a host was heard of, and how often it says it is to be.
#[Object]
impl HostContact {
    /// Last time it asked for queries or answered some.
    async fn checked_in_at(&self) -> Option<DateTime> {
        self.0.seen.check_in.map(DateTime)
    }

    /// Last time it fetched its configuration.
    async fn config_at(&self) -> Option<DateTime> {
        self.0.seen.config.map(DateTime)
    }

    /// Last time it sent log lines.
    async fn logged_at(&self) -> Option<DateTime> {
        self.0.seen.log.map(DateTime)
    }

    /// Seconds between its check-ins, by its own flags once it told them.
    async fn check_in_interval_seconds(&self) -> i32 {
        self.0.check_in_interval_s
    }

    /// Seconds between its fetches of the configuration; 0 for at its start only. Null when it has not told.
    async fn config_interval_seconds(&self) -> Option<i32> {
        self.0.config_interval_s
    }

    /// Seconds between its posts of log lines. Null when it has not told.
    async fn log_interval_seconds(&self) -> Option<i32> {
        self.0.log_interval_s
    }

    /// That it is online and answers no queries, and why. Null when it answers, or is not online.
    async fn silence(&self) -> Option<HostSilence> {
        let silence = self.0.silence?;
        Some(HostSilence { reason: silence.reason.into(), since: DateTime(silence.since) })
    }
}

/// That a host is online and answers no queries.
#[derive(Clone, Debug, SimpleObject)]
pub struct HostSilence {
    /// Why.
    reason: HostSilenceReason,
    /// Since when.
    since: DateTime,
}

/// Why a host that is online answers no queries; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::SilenceReason")]
pub enum HostSilenceReason {
    /// It has never asked for any: distributed queries are switched off on it.
    NeverAsked,
    /// It does not ask for any more, but fetches its configuration or sends log lines.
    StoppedAsking,
    /// It takes queries at its check-ins, and the answers do not come.
    NeverAnswers,
}

/// A change of a host.
#[derive(Clone, Debug, SimpleObject)]
pub struct HostChange {
    /// What happened.
    kind: HostChangeKind,
    /// Host after the change; null when it was deleted or left the caller's sight, and on RESYNC.
    host: Option<Host>,
    /// Id of the host; null on RESYNC.
    host_id: Option<async_graphql::ID>,
}

impl From<hosts::HostChange> for HostChange {
    fn from(change: hosts::HostChange) -> Self {
        Self {
            kind: change.kind.into(),
            host: change.host.map(Host),
            host_id: change.id.as_ref().map(crate::graphql::id::shown),
        }
    }
}

/// Kinds of host change; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hosts::HostChangeKind")]
pub enum HostChangeKind {
    /// First message, and after any gap: reload the list, then follow.
    Resync,
    /// Enrolled, for the first time or again.
    Enrolled,
    /// State changed.
    StatusChanged,
    /// Details changed.
    Updated,
    /// Moved to another team.
    Transferred,
    /// Deleted, or moved where the caller, or the filter, does not reach.
    Deleted,
}
