//! Hosts: found, listed, moved between teams, deleted.

use std::collections::HashMap;

use entity::id::{HostId, LabelId, PublicId, TeamId};
pub use entity::kind::Platform;

use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::Actor;
pub use crate::store::page::{Key, Page, PageRequest, SortValue};

/// A host as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Inside id.
    pub id: HostId,
    /// Outside id, `hst_…`.
    pub public_id: PublicId,
    /// Its team; [`TeamId::NONE`] for none.
    pub team_id: TeamId,
    /// What osquery calls itself by.
    pub host_identifier: String,
    /// Hardware UUID as reported; empty when unknown.
    pub hardware_uuid: String,
    /// Host name; the identifier until it is known.
    pub hostname: String,
    /// Hardware serial.
    pub serial_number: Option<String>,
    /// Operating system family.
    pub platform: Platform,
    /// Operating system name and version.
    pub os_version: Option<String>,
    /// osquery version.
    pub osquery_version: Option<String>,
    /// Physical memory in bytes.
    pub memory_bytes: Option<i64>,
    /// Whether it has checked in lately.
    pub status: HostStatus,
    /// Last contact, from memory where it is newer there than in the store.
    pub last_seen_at: Timestamp,
    /// First enrolled.
    pub enrolled_at: Timestamp,
    /// When another hardware UUID enrolled under the same identifier.
    pub clone_suspected_at: Option<Timestamp>,
    /// When a secret of another team was used for the same machine.
    pub foreign_secret_at: Option<Timestamp>,
}

/// Whether a host has checked in lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum HostStatus {
    /// Seen within its interval plus 90 s.
    Online,
    /// Missed its check-in.
    Offline,
    /// Not seen for 30 days.
    Missing,
}

/// Conditions that a host must all meet; in each list, any of; an absent list is no condition, an empty one meets
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HostFilter {
    /// Teams, by outside id.
    pub team_ids: Option<Vec<PublicId>>,
    /// Labels, by outside id.
    pub label_ids: Option<Vec<PublicId>>,
    /// Platforms.
    pub platforms: Option<Vec<Platform>>,
    /// States.
    pub statuses: Option<Vec<HostStatus>>,
    /// Hardware UUID, in any case.
    pub uuid: Option<String>,
    /// Hardware serial.
    pub serial_number: Option<String>,
    /// Prefix of host name, identifier, serial or UUID, in any case.
    pub search: Option<String>,
}

/// What hosts are sorted by; the id is always the tie-breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostSortField {
    /// Host name.
    Hostname,
    /// Last contact, as stored.
    #[default]
    LastSeenAt,
    /// First enrolled.
    EnrolledAt,
}

/// Order of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostSort {
    /// The column.
    pub field: HostSortField,
    /// Largest first.
    pub descending: bool,
}

impl Fleet {
    /// The host of an outside id; none when absent or not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host(&self, _actor: &Actor, _id: &PublicId) -> Result<Option<Host>, FleetError> {
        todo!()
    }

    /// The host of an osquery host identifier, the one seen last when several share it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host_by_identifier(
        &self,
        _actor: &Actor,
        _identifier: &str,
    ) -> Result<Option<Host>, FleetError> {
        todo!()
    }

    /// Visible hosts by inside id: for the edges of other objects.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn hosts_by_ids(
        &self,
        _actor: &Actor,
        _ids: &[HostId],
    ) -> Result<HashMap<HostId, Host>, FleetError> {
        todo!()
    }

    /// Visible hosts by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn hosts_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Host>, FleetError> {
        todo!()
    }

    /// A page of visible hosts.
    ///
    /// # Errors
    /// Denied; a filter that names a team or label which is not visible meets nothing; unavailable.
    pub async fn hosts(
        &self,
        _actor: &Actor,
        _filter: &HostFilter,
        _sort: HostSort,
        _page: PageRequest,
    ) -> Result<Page<Host>, FleetError> {
        todo!()
    }

    /// How many visible hosts match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_hosts(&self, _actor: &Actor, _filter: &HostFilter) -> Result<u64, FleetError> {
        todo!()
    }

    /// How many visible hosts have each label.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_hosts_by_label(
        &self,
        _actor: &Actor,
        _labels: &[LabelId],
    ) -> Result<HashMap<LabelId, u64>, FleetError> {
        todo!()
    }

    /// Moves at most 1,000 hosts to a team, or to none. All or nothing: the actor manages hosts in every source
    /// team and in the target. Campaigns that await a moved host withdraw it.
    ///
    /// # Errors
    /// Denied; rejected when a host or the team is absent or not visible (`hostIds`, `teamId`); unavailable.
    pub async fn transfer_hosts(
        &self,
        _actor: &Actor,
        _hosts: &[PublicId],
        _team: Option<&PublicId>,
    ) -> Result<Vec<Host>, FleetError> {
        todo!()
    }

    /// Deletes at most 1,000 hosts, all or nothing, with their node keys and label memberships. Campaigns that
    /// await a deleted host withdraw it.
    ///
    /// # Errors
    /// Denied; rejected when a host is absent or not visible (`hostIds`); unavailable.
    pub async fn delete_hosts(
        &self,
        _actor: &Actor,
        _hosts: &[PublicId],
    ) -> Result<Vec<PublicId>, FleetError> {
        todo!()
    }
}
