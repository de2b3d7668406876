//! Hosts: found, listed, counted. Choosing them by conditions, moving and deleting have files of their own.

mod filter;
mod manage;
mod choose;
mod contact;
mod counts;
mod expiry;
mod statuses;
mod watch;

use std::collections::HashMap;

use entity::hosts::Model;
use entity::id::{HostId, PublicId, TeamId};
pub use entity::kind::Platform;
use sea_orm::Order;

pub use choose::Part;
pub use contact::{Contact, Silence, SilenceReason};
pub use counts::HostCounts;
pub use filter::{HostFilter, HostPolicyFilter};
pub(super) use manage::{MAX_HOSTS, managed};
pub(super) use watch::HostMark;
pub use watch::{HostChange, HostChangeKind};

use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::{Action, Actor, allow};
use crate::store::hosts;
pub use crate::store::hosts::{Details, HostSortField, HostStatus};
use crate::store::hosts::{Freshness, HostSelection};
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
    /// What tells it apart; what osquery calls itself by, unless configured otherwise.
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
    /// When it was heard of, by what, and what it does not do.
    pub contact: Contact,
    /// What it told of itself.
    pub details: Details,
    /// When it last answered its vitals, all of them.
    pub vitals_at: Option<Timestamp>,
    /// When everything was wanted of it anew, while it has not answered that.
    pub refetch_at: Option<Timestamp>,
}

/// Order of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostSort {
    /// The column.
    pub field: HostSortField,
    /// Largest first.
    pub descending: bool,
}

impl HostSort {
    /// The order of its rows, for a page whose cursor is of a list in this order.
    fn order_for(self, page: &PageRequest) -> Result<Order, FleetError> {
        if page.after.as_ref().is_some_and(|key| !self.field.fits(key)) {
            return Err(FleetError::InvalidCursor);
        }
        Ok(if self.descending { Order::Desc } else { Order::Asc })
    }
}

impl Fleet {
    /// The host of an outside id; none when absent or not visible.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host(&self, actor: &Actor, id: &PublicId) -> Result<Option<Host>, FleetError> {
        let mut found = self.hosts_by_public_ids(actor, std::slice::from_ref(id)).await?;
        Ok(found.remove(id))
    }

    /// The host of an osquery host identifier, the one seen last when several share it.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn host_by_identifier(
        &self,
        actor: &Actor,
        identifier: &str,
    ) -> Result<Option<Host>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let found = hosts::by_identifier(self.store.reader(), &scope, identifier).await?;
        Ok(found.map(self.as_seen_now()))
    }

    /// Visible hosts by inside id: for the edges of other objects.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn hosts_by_ids(
        &self,
        actor: &Actor,
        ids: &[HostId],
    ) -> Result<HashMap<HostId, Host>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let found = hosts::find(self.store.reader(), &scope, HostSelection::Ids(ids)).await?;
        Ok(found.into_iter().map(self.as_seen_now()).map(|host| (host.id, host)).collect())
    }

    /// Visible hosts by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn hosts_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, Host>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let found = hosts::find(self.store.reader(), &scope, HostSelection::PublicIds(ids)).await?;
        Ok(found.into_iter().map(self.as_seen_now()).map(|host| (host.public_id.clone(), host)).collect())
    }

    /// A page of visible hosts.
    ///
    /// # Errors
    /// Denied; a filter that names a team or label which is not visible meets nothing; a cursor of a list with
    /// another order is not valid; unavailable.
    pub async fn hosts(
        &self,
        actor: &Actor,
        filter: &HostFilter,
        sort: HostSort,
        page: PageRequest,
    ) -> Result<Page<Host>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let order = sort.order_for(&page)?;
        let db = self.store.reader();
        let filter = self.resolve_host_filter(db, &scope, filter).await?;
        let found = hosts::page(db, &scope, &filter, (sort.field, order), &page).await?;
        Ok(found.map(self.as_seen_now()))
    }

    /// A page of the visible hosts of each team that match; the filter's own teams are not looked at.
    ///
    /// # Errors
    /// As [`Self::hosts`].
    pub async fn hosts_of_teams(
        &self,
        actor: &Actor,
        teams: &[TeamId],
        (filter, sort): (&HostFilter, HostSort),
        page: &PageRequest,
    ) -> Result<HashMap<TeamId, Page<Host>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let order = sort.order_for(page)?;
        let db = self.store.reader();
        let filter = self.resolve_host_filter(db, &scope, filter).await?;
        let found = hosts::pages_of_teams(db, &scope, teams, &filter, (sort.field, order), page).await?;
        Ok(found.into_iter().map(|(team, rows)| (team, rows.map(self.as_seen_now()))).collect())
    }

    /// How many visible hosts of each team match; the filter's own teams are not looked at.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_hosts_of_teams(
        &self,
        actor: &Actor,
        teams: &[TeamId],
        filter: &HostFilter,
    ) -> Result<HashMap<TeamId, u64>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let db = self.store.reader();
        let filter = self.resolve_host_filter(db, &scope, filter).await?;
        Ok(hosts::count_of_teams(db, &scope, teams, &filter).await?)
    }

    /// How many visible hosts match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_hosts(&self, actor: &Actor, filter: &HostFilter) -> Result<u64, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let db = self.store.reader();
        let filter = self.resolve_host_filter(db, &scope, filter).await?;
        Ok(hosts::count(db, &scope, &filter).await?)
    }

    /// What "lately" is now.
    pub(crate) fn freshness(&self) -> Freshness {
        Freshness {
            now: self.clock.now(),
            grace: self.settings.online_grace,
            missing_after: self.settings.missing_after,
        }
    }

    /// Makes of a row what people see now: its last contact may be newer in memory.
    pub(in crate::fleet) fn as_seen_now(&self) -> impl Fn(Model) -> Host {
        let at = self.freshness();
        move |row| {
            let seen = contact::newest(&row, self.presence.last_seen(row.id));
            let status = at.status(seen.last, row.check_in_interval_s);
            let contact = contact::of(&row, seen, status, &at);
            host_of(row, status, seen.last, contact)
        }
    }
}

fn host_of(row: Model, status: HostStatus, last_seen_at: Timestamp, contact: Contact) -> Host {
    let refetch_at = row.refetch_at.filter(|refetch| row.vitals_at.is_none_or(|at| *refetch > at));
    Host {
        details: Details::from(&row),
        contact,
        vitals_at: row.vitals_at,
        refetch_at,
        id: row.id,
        public_id: row.public_id,
        team_id: row.team_id,
        host_identifier: row.host_identifier,
        hardware_uuid: row.hardware_uuid,
        hostname: row.hostname,
        serial_number: row.serial_number,
        platform: row.platform,
        os_version: row.os_version,
        osquery_version: row.osquery_version,
        memory_bytes: row.memory_bytes,
        status,
        last_seen_at,
        enrolled_at: row.enrolled_at,
        clone_suspected_at: row.clone_suspected_at,
        foreign_secret_at: row.foreign_secret_at,
    }
}
