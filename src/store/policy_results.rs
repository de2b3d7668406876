//! Table `policy_results`: how hosts stand to the policies that are about them.
//!
//! A row is there exactly while its policy is about its host, and has the host's team. Whatever changes hosts, labels or
//! policies calls [`settle`] or [`leave`] in its transaction, under [`policies_lock`](super::policies_lock), and so keeps
//! the counts.

use std::collections::{BTreeSet, HashMap};

use entity::id::{HostId, LabelId, PolicyId, TeamId};
use entity::kind::PolicyState;
use entity::policy_results::{ActiveModel, Column, Entity, Model};
use entity::{hosts, policies, policy_changes, policy_labels};
use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryResult, Select,
};

use super::page::{self, Key, Page, PageRequest};
use super::policies::IS_ABOUT;
use super::policy_counts::{self, Deltas};
use super::{StoreError, scoped};
use crate::policy::Scope;

/// Rows in one statement at most.
const BATCH: usize = 4_000;
/// Hosts in one statement at most.
const LIST: usize = 30_000;

/// Which results may have to go or to be counted otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsettled<'a> {
    /// Those of these hosts: they moved, became another platform, or have other labels.
    Hosts(&'a [HostId]),
    /// Those of this policy: it is about other hosts.
    Policy(PolicyId),
    /// Those of the policies that this label narrows: it has other members, or is gone.
    Label(LabelId),
}

/// The policies and teams whose counts changed.
pub type Touched = BTreeSet<(PolicyId, TeamId)>;

/// Takes away the results of policies that are not about their hosts any more, and counts the others under the teams
/// where their hosts are. What the policies of another team were answered is forgotten wholly.
///
/// # Errors
/// When the database fails.
pub async fn settle(tx: &DatabaseTransaction, what: Unsettled<'_>) -> Result<Touched, StoreError> {
    let mut deltas = Deltas::default();
    for concerned in what.conditions() {
        let gone = || joined().cond_where(concerned.clone()).and_where(Expr::cust(IS_ABOUT).not()).take();
        for (policy, team, state, _, count) in grouped(tx, gone()).await? {
            deltas.add(policy, team, state, -count);
        }
        forget_foreign_history(tx, what, &concerned).await?;
        Entity::delete_many().filter(place().in_subquery(gone())).exec(tx).await?;
        let moved = || {
            let elsewhere = result(Column::TeamId).ne(Expr::col((hosts::Entity, hosts::Column::TeamId)));
            joined().cond_where(concerned.clone()).and_where(elsewhere).take()
        };
        for (policy, team, state, now_in, count) in grouped(tx, moved()).await? {
            deltas.add(policy, team, state, -count);
            deltas.add(policy, now_in, state, count);
        }
        let team = Query::select()
            .column((hosts::Entity, hosts::Column::TeamId))
            .from(hosts::Entity)
            .and_where(Expr::col((hosts::Entity, hosts::Column::Id)).equals((Entity, Column::HostId)))
            .take();
        let recounted =
            Entity::update_many().col_expr(Column::TeamId, Expr::SubQuery(None, Box::new(team.into())));
        recounted.filter(place().in_subquery(moved())).exec(tx).await?;
    }
    policy_counts::add(tx, &deltas).await?;
    Ok(deltas.touched())
}

/// Takes away all results of hosts that are about to be deleted.
///
/// # Errors
/// When the database fails.
pub async fn leave(tx: &DatabaseTransaction, leaving: &[HostId]) -> Result<Touched, StoreError> {
    let mut deltas = Deltas::default();
    for concerned in Unsettled::Hosts(leaving).conditions() {
        for (policy, team, state, _, count) in grouped(tx, joined().cond_where(concerned).take()).await? {
            deltas.add(policy, team, state, -count);
        }
    }
    for leaving in leaving.chunks(LIST) {
        Entity::delete_many().filter(Column::HostId.is_in(leaving.iter().copied())).exec(tx).await?;
    }
    policy_counts::add(tx, &deltas).await?;
    Ok(deltas.touched())
}

/// Takes away all results of a policy, and its history.
///
/// # Errors
/// When the database fails.
pub async fn clear(tx: &DatabaseTransaction, policy: PolicyId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::PolicyId.eq(policy)).exec(tx).await?;
    let history = policy_changes::Entity::delete_many();
    history.filter(policy_changes::Column::PolicyId.eq(policy)).exec(tx).await?;
    policy_counts::clear(tx, policy).await
}

/// Writes results, each in the place of the one before, and counts the difference.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &DatabaseTransaction, rows: Vec<Model>, deltas: &Deltas) -> Result<(), StoreError> {
    let rows: Vec<ActiveModel> = rows.into_iter().map(IntoActiveModel::into_active_model).collect();
    for batch in rows.chunks(BATCH) {
        let replace = OnConflict::columns([Column::HostId, Column::PolicyId])
            .update_columns([Column::TeamId, Column::State, Column::Since, Column::CheckedAt, Column::Error])
            .to_owned();
        Entity::insert_many(batch.to_vec()).on_conflict(replace).exec_without_returning(tx).await?;
    }
    policy_counts::add(tx, deltas).await
}

/// The results of hosts in scope: of these policies, or of all.
///
/// # Errors
/// When the database fails.
pub async fn of_hosts<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &[HostId],
    policies: Option<&[PolicyId]>,
) -> Result<Vec<Model>, StoreError> {
    let of_hosts = visible(scope).filter(Column::HostId.is_in(hosts.iter().copied()));
    let wanted = match policies {
        Some(policies) => of_hosts.filter(Column::PolicyId.is_in(policies.iter().copied())),
        None => of_hosts,
    };
    Ok(wanted.all(db).await?)
}

/// How many policies hosts in scope fail; a host that fails none is left out.
///
/// # Errors
/// When the database fails.
pub async fn count_failing<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &[HostId],
) -> Result<HashMap<HostId, u64>, StoreError> {
    let failing = visible(scope).filter(Column::State.eq(PolicyState::Fail));
    page::counts(db, hosts, (failing, Column::HostId)).await
}

/// A page of the results of each policy, of hosts in scope, in one state or any, by host.
///
/// # Errors
/// When the database fails.
pub async fn pages_of_policies<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    policies: &[PolicyId],
    state: Option<PolicyState>,
    request: &PageRequest,
) -> Result<HashMap<PolicyId, Page<Model>>, StoreError> {
    let own = |policy: PolicyId| {
        let of_policy = visible(scope).filter(Column::PolicyId.eq(policy));
        let wanted = match state {
            Some(state) => of_policy.filter(Column::State.eq(state)),
            None => of_policy,
        };
        request.by_id(wanted, Column::HostId)
    };
    page::pages(db, policies, request, own, |row| Key::by_id(row.host_id.0)).await
}

impl Unsettled<'_> {
    /// As conditions on results joined with their hosts and policies.
    fn conditions(&self) -> Vec<Condition> {
        match self {
            Self::Hosts(ids) => {
                let among = |ids: &[HostId]| result(Column::HostId).is_in(ids.iter().copied());
                ids.chunks(LIST).map(|ids| Condition::all().add(among(ids))).collect()
            }
            Self::Policy(id) => vec![Condition::all().add(result(Column::PolicyId).eq(*id))],
            Self::Label(id) => {
                let narrowed = Query::select()
                    .column(policy_labels::Column::PolicyId)
                    .from(policy_labels::Entity)
                    .and_where(policy_labels::Column::LabelId.eq(*id))
                    .take();
                vec![Condition::all().add(result(Column::PolicyId).in_subquery(narrowed))]
            }
        }
    }
}

/// Forgets how hosts stood to the policies of teams where they are not any more.
async fn forget_foreign_history(
    tx: &DatabaseTransaction,
    what: Unsettled<'_>,
    concerned: &Condition,
) -> Result<(), StoreError> {
    use policy_changes::{Column, Entity};
    if !matches!(what, Unsettled::Hosts(_)) {
        return Ok(());
    }
    let foreign = Expr::cust("policies.team_id NOT IN (0, hosts.team_id)");
    let gone = joined().cond_where(concerned.clone()).and_where(foreign).take();
    let place = Expr::tuple([Column::HostId, Column::PolicyId].map(|column| Expr::col((Entity, column))));
    Entity::delete_many().filter(place.in_subquery(gone)).exec(tx).await?;
    Ok(())
}

/// Host and policy of results, with their rows beside them for a condition.
fn joined() -> SelectStatement {
    let host = Expr::col((hosts::Entity, hosts::Column::Id)).equals((Entity, Column::HostId));
    let policy = Expr::col((policies::Entity, policies::Column::Id)).equals((Entity, Column::PolicyId));
    Query::select()
        .columns([(Entity, Column::HostId), (Entity, Column::PolicyId)])
        .from(Entity)
        .inner_join(hosts::Entity, host)
        .inner_join(policies::Entity, policy)
        .take()
}

/// How many results of a selection there are, by policy, team, state, and the team where the host is.
async fn grouped(
    tx: &DatabaseTransaction,
    mut selection: SelectStatement,
) -> Result<Vec<(PolicyId, TeamId, PolicyState, TeamId, i64)>, StoreError> {
    let by = [
        result(Column::PolicyId),
        result(Column::TeamId),
        result(Column::State),
        Expr::col((hosts::Entity, hosts::Column::TeamId)),
    ];
    selection.clear_selects().exprs(by.clone()).expr(Func::count(result(Column::HostId)));
    selection.add_group_by(by);
    let rows = tx.query_all(&selection).await?;
    let read = |row: QueryResult| -> Result<_, DbErr> {
        Ok((
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
            row.try_get_by_index(3)?,
            row.try_get_by_index(4)?,
        ))
    };
    Ok(rows.into_iter().map(read).collect::<Result<_, DbErr>>()?)
}

fn result(column: Column) -> Expr {
    Expr::col((Entity, column))
}

/// What tells a result apart.
fn place() -> Expr {
    Expr::tuple([Column::HostId, Column::PolicyId].map(result))
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped(Column::TeamId, scope))
}
