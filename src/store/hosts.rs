//! Table `hosts`: found, listed, counted, moved, deleted. Enrollment and presence have files of their own.

mod filter;
mod status;

use entity::hosts::{Column, Entity, Model};
use entity::id::{HostId, TeamId};
use sea_orm::sea_query::{CaseStatement, Expr, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, Order, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

pub use filter::{HostSelection, ResolvedHostFilter};
pub use status::{Freshness, HostStatus};

use super::page::{Key, Page, PageRequest, SortValue};
use super::{StoreError, scoped, text};
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
}

impl HostSortField {
    fn expression(self) -> Expr {
        match self {
            Self::Hostname => text::lower(Column::Hostname),
            Self::LastSeenAt => Expr::col(Column::LastSeenAt.as_column_ref()),
            Self::EnrolledAt => Expr::col(Column::EnrolledAt.as_column_ref()),
        }
    }

    fn key(self, host: &Model) -> Key {
        let value = match self {
            Self::Hostname => SortValue::Text(host.hostname.to_ascii_lowercase()),
            Self::LastSeenAt => SortValue::Integer(host.last_seen_at.0),
            Self::EnrolledAt => SortValue::Integer(host.enrolled_at.0),
        };
        Key { sort: Some(value), id: host.id.0 }
    }

    /// Whether a key can be of a list that is sorted by this.
    #[must_use]
    pub fn fits(self, key: &Key) -> bool {
        matches!(
            (self, &key.sort),
            (Self::Hostname, Some(SortValue::Text(_)))
                | (Self::LastSeenAt | Self::EnrolledAt, Some(SortValue::Integer(_)))
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

/// How many hosts match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ResolvedHostFilter,
) -> Result<u64, StoreError> {
    Ok(visible(scope).filter(filter.condition()).count(db).await?)
}

/// How many hosts there are that are online, offline and missing, by their stored times.
///
/// # Errors
/// When the database fails.
pub async fn count_by_status<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    at: &Freshness,
) -> Result<[u64; 3], StoreError> {
    let mut counts = [0; 3];
    for (status, count) in
        [HostStatus::Online, HostStatus::Offline, HostStatus::Missing].into_iter().zip(&mut counts)
    {
        *count = visible(scope).filter(at.having(status)).count(db).await?;
    }
    Ok(counts)
}

/// How many hosts a selection has, and how many of them are online, by their stored times.
///
/// # Errors
/// When the database fails.
pub async fn count_online<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    selection: HostSelection<'_>,
    at: &Freshness,
) -> Result<(u64, u64), StoreError> {
    let online: Expr = CaseStatement::new().case(at.online(), 1).into();
    let mut total = (0, 0);
    for condition in selection.conditions() {
        let counted: Option<(i64, i64)> = visible(scope)
            .filter(condition)
            .select_only()
            .expr(Func::count(Expr::col(Column::Id.as_column_ref())))
            .expr(Func::count(online.clone()))
            .into_tuple()
            .one(db)
            .await?;
        let (hosts, online) = counted.unwrap_or_default();
        total.0 += hosts.unsigned_abs();
        total.1 += online.unsigned_abs();
    }
    Ok(total)
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

/// Moves hosts to a team.
///
/// # Errors
/// When the database fails.
pub async fn transfer(tx: &DatabaseTransaction, ids: &[HostId], team: TeamId) -> Result<(), StoreError> {
    for condition in HostSelection::Ids(ids).conditions() {
        let moved = Entity::update_many().col_expr(Column::TeamId, Expr::val(team));
        moved.filter(condition).exec(tx).await?;
    }
    Ok(())
}

/// Deletes hosts, and with them their node keys and label memberships.
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
