//! Table `hosts`: found, listed, counted, moved, deleted. Enrollment and presence have files of their own.

mod filter;
mod status;
mod answered;
mod changing;
mod counted;
mod details;
mod in_sync;
mod tally;

use std::collections::HashMap;

use entity::hosts::{Column, Entity, Model};
use entity::id::{HostId, TeamId};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, Order, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

pub use answered::{ANSWERED, Answered, answered, clear_answered, set_answered};
pub use changing::{Choice, expired, find_among, named, some_of, stale_statuses, want_refetch, write_status};
pub use counted::{count, count_by_status, count_of_teams, count_online, name_starts_with, online_among};
pub use details::{Details, write as write_details};
pub(super) use filter::with_any_label as with_label;
pub use filter::{HostSelection, ResolvedHostFilter};
pub use in_sync::{InSync, SyncPart, audiences};
pub use status::{Freshness, HostStatus};
pub use tally::{Tally, tally, tally_labels};

use super::page::{self, Key, Page, PageRequest, SortValue};
use super::{StoreError, label_members, scoped, text};
use crate::policy::Scope;

/// What hosts are sorted by; the id is always the tie-breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostSortField {
    /// Host name, ASCII letters in any case.
    Hostname,
    /// Last contact, as stored.
    #[default]
    LastSeenAt,
    /// First enrolled.
    EnrolledAt,
    /// What is free of its main file system; unknown is smallest.
    DiskFreeBytes,
    /// When the machine was started; unknown is smallest.
    BootedAt,
}

impl HostSortField {
    fn expression(self) -> Expr {
        match self {
            Self::Hostname => text::lower(Column::Hostname),
            Self::LastSeenAt => Expr::col(Column::LastSeenAt.as_column_ref()),
            Self::EnrolledAt => Expr::col(Column::EnrolledAt.as_column_ref()),
            // As the indices have them.
            Self::DiskFreeBytes => Expr::cust("coalesce(disk_free_bytes, -1)"),
            Self::BootedAt => Expr::cust("coalesce(booted_at, -1)"),
        }
    }

    fn key(self, host: &Model) -> Key {
        let value = match self {
            Self::Hostname => SortValue::Text(host.hostname.to_ascii_lowercase()),
            Self::LastSeenAt => SortValue::Integer(host.last_seen_at.0),
            Self::EnrolledAt => SortValue::Integer(host.enrolled_at.0),
            Self::DiskFreeBytes => SortValue::Integer(host.disk_free_bytes.unwrap_or(-1)),
            Self::BootedAt => SortValue::Integer(host.booted_at.map_or(-1, |at| at.0)),
        };
        Key { sort: Some(value), id: host.id.0 }
    }

    /// Whether a key can be of a list that is sorted by this.
    #[must_use]
    pub fn fits(self, key: &Key) -> bool {
        matches!(
            (self, &key.sort),
            (Self::Hostname, Some(SortValue::Text(_)))
                | (
                    Self::LastSeenAt | Self::EnrolledAt | Self::DiskFreeBytes | Self::BootedAt,
                    Some(SortValue::Integer(_))
                )
        )
    }
}

/// Hosts of a selection, whole rows: for at most some thousands.
///
/// # Errors
/// When the database fails.
pub async fn find<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    selection: HostSelection<'_>,
) -> Result<Vec<Model>, StoreError> {
    let mut hosts = Vec::new();
    for condition in selection.conditions() {
        hosts.extend(visible(scope).filter(condition).all(db).await?);
    }
    Ok(hosts)
}

/// The host of an osquery host identifier, the one seen last when several share it.
///
/// # Errors
/// When the database fails.
pub async fn by_identifier<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    identifier: &str,
) -> Result<Option<Model>, StoreError> {
    let sharing = visible(scope).filter(Column::HostIdentifier.eq(identifier));
    Ok(sharing.order_by_desc(Column::LastSeenAt).order_by_desc(Column::Id).one(db).await?)
}

/// A page of hosts, in the order of `field`.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ResolvedHostFilter,
    (field, order): (HostSortField, Order),
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let matching = visible(scope).filter(filter.condition());
    let rows = page.sorted(matching, field.expression(), Column::Id, order).all(db).await?;
    Ok(Page::of(rows, page, |host| field.key(host)))
}

/// A page of hosts, by id.
///
/// # Errors
/// When the database fails.
pub async fn page_by_id<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ResolvedHostFilter,
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let matching = visible(scope).filter(filter.condition());
    page.read_by_id(db, matching, (Column::Id, |host| host.id.0)).await
}

/// A page of the hosts of each team that match, in the order of `field`; the filter's own teams are not looked at.
///
/// # Errors
/// When the database fails.
pub async fn pages_of_teams<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    teams: &[TeamId],
    filter: &ResolvedHostFilter,
    (field, order): (HostSortField, Order),
    request: &PageRequest,
) -> Result<HashMap<TeamId, Page<Model>>, StoreError> {
    let filter = ResolvedHostFilter { teams: None, ..filter.clone() };
    let own = |team: TeamId| {
        let matching = visible(scope).filter(Column::TeamId.eq(team)).filter(filter.condition());
        request.sorted(matching, field.expression(), Column::Id, order.clone())
    };
    page::pages(db, teams, request, own, |row| field.key(row)).await
}

/// Id and team of each host of a selection, in the order of ids: the targets of a campaign, read in its transaction.
///
/// # Errors
/// When the database fails.
pub async fn select_targets<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    selection: HostSelection<'_>,
) -> Result<Vec<(HostId, TeamId)>, StoreError> {
    let mut targets = Vec::new();
    for condition in selection.conditions() {
        let chosen = visible(scope).filter(condition).select_only().columns([Column::Id, Column::TeamId]);
        targets.extend(chosen.order_by_asc(Column::Id).into_tuple::<(HostId, TeamId)>().all(db).await?);
    }
    Ok(targets)
}

/// Locks hosts in the order of ids, on PostgreSQL.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &DatabaseTransaction, scope: &Scope, ids: &[HostId]) -> Result<(), StoreError> {
    for condition in HostSelection::Ids(ids).conditions() {
        let rows = visible(scope).filter(condition).select_only().column(Column::Id);
        rows.order_by_asc(Column::Id).lock_exclusive().into_tuple::<HostId>().all(tx).await?;
    }
    Ok(())
}

/// Locks hosts in the order of ids, on PostgreSQL, and answers those that are there.
///
/// # Errors
/// When the database fails.
pub async fn lock_rows(
    tx: &DatabaseTransaction,
    scope: &Scope,
    ids: &[HostId],
) -> Result<Vec<Model>, StoreError> {
    let mut rows = Vec::new();
    for condition in HostSelection::Ids(ids).conditions() {
        let found = visible(scope).filter(condition).order_by_asc(Column::Id);
        rows.extend(found.lock(LockType::NoKeyUpdate).all(tx).await?);
    }
    Ok(rows)
}

/// Moves hosts to a team. They take along who they are and what they told of themselves; labels of other teams stay
/// behind, and what is due by label and policy is asked anew.
///
/// # Errors
/// When the database fails.
pub async fn transfer(tx: &DatabaseTransaction, ids: &[HostId], team: TeamId) -> Result<(), StoreError> {
    label_members::move_hosts(tx, ids, team).await?;
    for condition in HostSelection::Ids(ids).conditions() {
        let moved = Entity::update_many()
            .col_expr(Column::TeamId, Expr::val(team))
            .col_expr(Column::LabelsAt, Expr::val(None::<i64>))
            .col_expr(Column::PoliciesAt, Expr::val(None::<i64>));
        moved.filter(condition).exec(tx).await?;
    }
    Ok(())
}

/// Deletes hosts, and with them their node keys and all that they told of themselves. Labels have forgotten them before.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, ids: &[HostId]) -> Result<(), StoreError> {
    for condition in HostSelection::Ids(ids).conditions() {
        Entity::delete_many().filter(condition).exec(tx).await?;
    }
    Ok(())
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped(Column::TeamId, scope))
}
