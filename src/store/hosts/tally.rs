//! How many hosts there are of each platform, team, state and label.

use entity::hosts::Column;
use entity::id::{LabelId, TeamId};
use entity::kind::{HostStatus, Platform};
use entity::label_members;
use sea_orm::sea_query::{CaseStatement, Expr, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{Freshness, ResolvedHostFilter, visible};
use crate::policy::Scope;
use crate::store::StoreError;

/// Numbers of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By state; each state once.
    pub statuses: Vec<(HostStatus, u64)>,
    /// By platform, of which there are some.
    pub platforms: Vec<(Platform, u64)>,
    /// By team, of which there are some; [`TeamId::NONE`] for hosts in none.
    pub teams: Vec<(TeamId, u64)>,
}

/// Counts the hosts that meet a filter, in two statements.
///
/// # Errors
/// When the database fails.
pub async fn tally<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ResolvedHostFilter,
    at: &Freshness,
) -> Result<Tally, StoreError> {
    let matching = || visible(scope).filter(filter.condition()).select_only();
    let grouped: Vec<(Platform, TeamId, i64)> = matching()
        .columns([Column::Platform, Column::TeamId])
        .expr(Func::count(Expr::col(Column::Id.as_column_ref())))
        .group_by(Column::Platform)
        .group_by(Column::TeamId)
        .order_by_asc(Column::TeamId)
        .into_tuple()
        .all(db)
        .await?;
    let having = |status| {
        let one: Expr = CaseStatement::new().case(at.having(status), 1).into();
        Func::count(one)
    };
    let statuses: Option<(i64, i64, i64)> = matching()
        .expr(having(HostStatus::Online))
        .expr(having(HostStatus::Offline))
        .expr(having(HostStatus::Missing))
        .into_tuple()
        .one(db)
        .await?;
    let (online, offline, missing) = statuses.unwrap_or_default();
    let mut tally = Tally {
        statuses: HostStatus::ALL
            .iter()
            .copied()
            .zip([online, offline, missing].map(i64::unsigned_abs))
            .collect(),
        ..Tally::default()
    };
    for (platform, team, hosts) in grouped {
        add(&mut tally.platforms, platform, hosts.unsigned_abs());
        add(&mut tally.teams, team, hosts.unsigned_abs());
    }
    tally.platforms.sort_unstable();
    Ok(tally)
}

fn add<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K, hosts: u64) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += hosts,
        None => counts.push((key, hosts)),
    }
}

/// How many of the hosts that meet a filter have each label, by label.
///
/// # Errors
/// When the database fails.
pub async fn tally_labels<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    filter: &ResolvedHostFilter,
) -> Result<Vec<(LabelId, u64)>, StoreError> {
    let matching = visible(scope).filter(filter.condition()).select_only().column(Column::Id).into_query();
    let labelled = label_members::Entity::find()
        .select_only()
        .column(label_members::Column::LabelId)
        .expr(Func::count(Expr::col(label_members::Column::HostId)))
        .filter(label_members::Column::HostId.in_subquery(matching))
        .group_by(label_members::Column::LabelId)
        .order_by_asc(label_members::Column::LabelId);
    let counted: Vec<(LabelId, i64)> = labelled.into_tuple().all(db).await?;
    Ok(counted.into_iter().map(|(label, hosts)| (label, hosts.unsigned_abs())).collect())
}
