//! Table `policy_counts`, and how many hosts each policy is about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::id::{LabelId, PolicyId, TeamId};
use entity::kind::{Platform, PolicyState};
pub use entity::policy_counts::Model as TeamCounts;
use entity::policy_counts::{ActiveModel, Column, Entity};
use entity::{hosts, label_members, policies, policy_labels};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryResult, QuerySelect,
};

use super::policies::IS_ABOUT;
use super::{StoreError, scoped};
use crate::policy::Scope;

/// Rows in one statement at most.
const BATCH: usize = 5_000;

/// What is added to the counts, by policy and team of the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deltas(BTreeMap<(PolicyId, TeamId), [i64; 3]>);

/// Which counter a state has; none for one that is not counted.
fn counter(state: PolicyState) -> Option<usize> {
    match state {
        PolicyState::Pass => Some(0),
        PolicyState::Fail => Some(1),
        PolicyState::Error => Some(2),
        PolicyState::Unanswered => None,
    }
}

impl Deltas {
    /// Adds so many hosts of a state; less than none takes them away.
    pub fn add(&mut self, policy: PolicyId, team: TeamId, state: PolicyState, hosts: i64) {
        if let Some(counter) = counter(state) {
            self.0.entry((policy, team)).or_default()[counter] += hosts;
        }
    }

    /// The policies and teams whose counts change.
    #[must_use]
    pub fn touched(&self) -> BTreeSet<(PolicyId, TeamId)> {
        let changed = self.0.iter().filter(|(_, counts)| counts.iter().any(|count| *count != 0));
        changed.map(|(place, _)| *place).collect()
    }
}

/// Adds to the counts; the lock of policies is held.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &DatabaseTransaction, deltas: &Deltas) -> Result<(), StoreError> {
    let touched = deltas.touched();
    let row = |place: &(PolicyId, TeamId)| {
        let [passing, failing, erring] = deltas.0[place];
        ActiveModel {
            policy_id: Set(place.0),
            team_id: Set(place.1),
            passing: Set(passing),
            failing: Set(failing),
            erring: Set(erring),
        }
    };
    let rows: Vec<ActiveModel> = touched.iter().map(row).collect();
    let plus = |column: Column| {
        let new = Expr::col((Alias::new("excluded"), column));
        (column, Expr::col((Entity, column)).add(new))
    };
    for batch in rows.chunks(BATCH) {
        let add = OnConflict::columns([Column::PolicyId, Column::TeamId])
            .values([plus(Column::Passing), plus(Column::Failing), plus(Column::Erring)])
            .to_owned();
        Entity::insert_many(batch.to_vec()).on_conflict(add).exec_without_returning(tx).await?;
    }
    // What counts nothing stays for nobody: the last host of a team may have left it.
    let nothing = [Column::Passing, Column::Failing, Column::Erring].map(|column| column.eq(0));
    let nothing = nothing.into_iter().fold(Condition::all(), Condition::add);
    let policies: BTreeSet<PolicyId> = touched.iter().map(|(policy, _)| *policy).collect();
    if !policies.is_empty() {
        let theirs = Entity::delete_many().filter(Column::PolicyId.is_in(policies));
        theirs.filter(nothing).exec(tx).await?;
    }
    Ok(())
}

/// Counts nothing of a policy any more.
///
/// # Errors
/// When the database fails.
pub async fn clear(tx: &DatabaseTransaction, policy: PolicyId) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::PolicyId.eq(policy)).exec(tx).await?;
    Ok(())
}

/// The counts of policies, of the teams in scope, by team.
///
/// # Errors
/// When the database fails.
pub async fn load<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    policies: &[PolicyId],
) -> Result<HashMap<PolicyId, Vec<TeamCounts>>, StoreError> {
    let mut counts = HashMap::<_, Vec<TeamCounts>>::new();
    let rows = Entity::find()
        .filter(Column::PolicyId.is_in(policies.iter().copied()))
        .filter(scoped(Column::TeamId, scope));
    for row in rows.all(db).await? {
        counts.entry(row.policy_id).or_default().push(row);
    }
    Ok(counts)
}

/// How many hosts in scope there are of each team and platform.
///
/// # Errors
/// When the database fails.
pub async fn hosts_by_platform<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
) -> Result<Vec<(TeamId, Platform, i64)>, StoreError> {
    let hosts = hosts::Entity::find()
        .filter(scoped(hosts::Column::TeamId, scope))
        .select_only()
        .columns([hosts::Column::TeamId, hosts::Column::Platform])
        .expr(Func::count(Expr::col(hosts::Column::Id.as_column_ref())))
        .group_by(hosts::Column::TeamId)
        .group_by(hosts::Column::Platform);
    Ok(hosts.into_tuple().all(db).await?)
}

/// How many hosts in scope policies are about that labels narrow, by policy and team.
///
/// # Errors
/// When the database fails.
pub async fn hosts_by_label<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    narrowed: &BTreeMap<PolicyId, Vec<(LabelId, bool)>>,
) -> Result<Vec<(PolicyId, TeamId, i64)>, StoreError> {
    let has_members = |labels: &[(LabelId, bool)]| labels.iter().any(|(_, is_excluded)| !is_excluded);
    let (among_members, among_all): (Vec<_>, Vec<_>) =
        narrowed.iter().partition(|(_, labels)| has_members(labels));
    let mut counted = Vec::new();
    if !among_members.is_empty() {
        // From the members of the labels that hosts must have, which are few beside all hosts.
        let members = Query::select()
            .distinct()
            .columns([(policy_labels::Entity, policy_labels::Column::PolicyId)])
            .columns([(label_members::Entity, label_members::Column::HostId)])
            .from(policy_labels::Entity)
            .inner_join(
                label_members::Entity,
                Expr::col((label_members::Entity, label_members::Column::LabelId))
                    .equals((policy_labels::Entity, policy_labels::Column::LabelId)),
            )
            .and_where(policy_labels::Column::PolicyId.is_in(among_members.iter().map(|(id, _)| **id)))
            .and_where(policy_labels::Column::IsExcluded.eq(false))
            .take();
        let member = |column: &'static str| (Alias::new("members"), Alias::new(column));
        let mut statement = counting(scope);
        statement
            .from_subquery(members, Alias::new("members"))
            .and_where(policy(policies::Column::Id).equals(member("policy_id")))
            .and_where(host(hosts::Column::Id).equals(member("host_id")));
        counted.extend(read(db, &statement).await?);
    }
    if !among_all.is_empty() {
        let mut statement = counting(scope);
        statement.and_where(policy(policies::Column::Id).is_in(among_all.iter().map(|(id, _)| **id)));
        counted.extend(read(db, &statement).await?);
    }
    Ok(counted)
}

/// Counts the pairs of a policy and a host in scope that it is about, by policy and team.
fn counting(scope: &Scope) -> SelectStatement {
    Query::select()
        .expr(policy(policies::Column::Id))
        .expr(host(hosts::Column::TeamId))
        .expr(Func::count(host(hosts::Column::Id)))
        .from(policies::Entity)
        .from(hosts::Entity)
        .cond_where(scoped(hosts::Column::TeamId, scope))
        .and_where(Expr::cust(IS_ABOUT))
        .add_group_by([policy(policies::Column::Id), host(hosts::Column::TeamId)])
        .take()
}

fn policy(column: policies::Column) -> Expr {
    Expr::col((policies::Entity, column))
}

fn host(column: hosts::Column) -> Expr {
    Expr::col((hosts::Entity, column))
}

async fn read<C: ConnectionTrait>(
    db: &C,
    statement: &SelectStatement,
) -> Result<Vec<(PolicyId, TeamId, i64)>, StoreError> {
    let rows = db.query_all(statement).await?;
    let read = |row: QueryResult| -> Result<_, DbErr> {
        Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?))
    };
    Ok(rows.into_iter().map(read).collect::<Result<_, DbErr>>()?)
}
