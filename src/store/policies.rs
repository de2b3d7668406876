//! Tables `policies` and `policy_labels`: the policies themselves, and which hosts they are about.

use std::collections::BTreeMap;

use entity::id::{LabelId, PolicyId, PublicId, TeamId};
use entity::policies::{ActiveModel, Column, Entity, Model};
use entity::{policy_counts, policy_labels};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    EntityTrait, FromQueryResult, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::page::{Key, Page, PageRequest, SortValue};
use super::{StoreError, scoped, scoped_or_global, text};
use crate::clock::Timestamp;
use crate::policy::Scope;

/// Whether the host in `hosts` is one that the policy in `policies` is about. Never null.
pub(super) const IS_ABOUT: &str = "(policies.team_id IN (0, hosts.team_id) \
    AND (policies.platforms = '' OR ',' || policies.platforms || ',' LIKE '%,' || hosts.platform || ',%') \
    AND (NOT EXISTS (SELECT 1 FROM policy_labels l WHERE l.policy_id = policies.id AND NOT l.is_excluded) \
        OR EXISTS (SELECT 1 FROM policy_labels l JOIN label_members m ON m.label_id = l.label_id \
            WHERE l.policy_id = policies.id AND NOT l.is_excluded AND m.host_id = hosts.id)) \
    AND NOT EXISTS (SELECT 1 FROM policy_labels l JOIN label_members m ON m.label_id = l.label_id \
        WHERE l.policy_id = policies.id AND l.is_excluded AND m.host_id = hosts.id))";

/// When a policy was last made or changed so that hosts are asked anew; none when there is none.
///
/// # Errors
/// When the database fails.
pub async fn newest_since(tx: &DatabaseTransaction) -> Result<Option<Timestamp>, StoreError> {
    let newest = Entity::find().select_only().column(Column::AskedSince);
    Ok(newest.order_by_desc(Column::AskedSince).limit(1).into_tuple().one(tx).await?)
}

/// What policies are sorted by; the id is always the tie-breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PolicySortField {
    /// When they were made.
    #[default]
    CreatedAt,
    /// Name, ASCII letters in any case.
    Name,
    /// Hosts in scope that fail.
    Failing,
}

/// Which policies are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Of this team only; [`TeamId::NONE`] for global ones.
    pub team: Option<TeamId>,
    /// Critical ones, or the others.
    pub critical: Option<bool>,
    /// Those that a host in scope fails, or that none does.
    pub failing: Option<bool>,
    /// With this in their name, in any case.
    pub search: Option<&'a str>,
}

impl Wanted<'_> {
    fn condition(&self, hosts: &Scope) -> Condition {
        let is_failing = self.failing.map(|failing| {
            let some = failing_in(hosts).gt(0);
            if failing { some } else { some.not() }
        });
        Condition::all()
            .add_option(self.team.map(|team| Column::TeamId.eq(team)))
            .add_option(self.critical.map(|critical| Column::Critical.eq(critical)))
            .add_option(is_failing)
            .add_option(self.search.map(|part| text::contains(Column::Name, part)))
    }
}

/// How many hosts in scope fail the policy of a row.
fn failing_in(hosts: &Scope) -> Expr {
    let sum = Expr::cust("CAST(coalesce(sum(policy_counts.failing), 0) AS bigint)");
    let counts = Query::select()
        .expr(sum)
        .from(policy_counts::Entity)
        .and_where(
            Expr::col((policy_counts::Entity, policy_counts::Column::PolicyId)).equals((Entity, Column::Id)),
        )
        .cond_where(scoped(policy_counts::Column::TeamId, hosts))
        .take();
    Expr::SubQuery(None, Box::new(counts.into()))
}

/// A policy and how many hosts fail it.
#[derive(FromQueryResult)]
struct Failing {
    #[sea_orm(nested)]
    policy: Model,
    failing: i64,
}

/// Stores a new policy and answers it with its id.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, policy: ActiveModel) -> Result<Model, StoreError> {
    Ok(policy.insert(tx).await?)
}

/// Stores the columns that are set and answers the whole row.
///
/// # Errors
/// A unique violation when the name is taken in its team; when the database fails.
pub async fn update(tx: &DatabaseTransaction, policy: ActiveModel) -> Result<Model, StoreError> {
    Ok(policy.update(tx).await?)
}

/// Deletes a policy, and with it its labels, results, history and counts.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, id: PolicyId) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Locks a policy and answers it.
///
/// # Errors
/// When the database fails.
pub async fn lock(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: &PublicId,
) -> Result<Option<Model>, StoreError> {
    Ok(visible(scope).filter(Column::PublicId.eq(id.clone())).lock_exclusive().one(tx).await?)
}

/// The policy of this name in a team.
///
/// # Errors
/// When the database fails.
pub async fn by_name<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    Ok(visible(scope).filter(Column::TeamId.eq(team)).filter(Column::Name.eq(name)).one(db).await?)
}

/// Every policy in scope and every global one, by id.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).order_by_asc(Column::Id).all(db).await?)
}

/// Every policy of exactly this team, or of the global ones, by id.
///
/// # Errors
/// When the database fails.
pub async fn of_team<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    team: TeamId,
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::TeamId.eq(team)).order_by_asc(Column::Id).all(db).await?)
}

/// Policies by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PolicyId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Policies by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Model>, StoreError> {
    Ok(visible(scope).filter(Column::PublicId.is_in(ids.iter().cloned())).all(db).await?)
}

/// A page of policies in an order; `hosts` is where hosts count.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &Scope,
    wanted: Wanted<'_>,
    (field, order): (PolicySortField, Order),
    page: &PageRequest,
) -> Result<Page<Model>, StoreError> {
    let matching = visible(scope).filter(wanted.condition(hosts));
    let by_id = (Column::Id, |policy: &Model| policy.id.0);
    match (field, order) {
        (PolicySortField::CreatedAt, Order::Desc) => page.read_newest_first(db, matching, by_id).await,
        (PolicySortField::CreatedAt, _) => page.read_by_id(db, matching, by_id).await,
        (PolicySortField::Name, order) => {
            let rows = page.sorted(matching, text::lower(Column::Name), Column::Id, order).all(db).await?;
            Ok(Page::of(rows, page, |row| key(SortValue::Text(row.name.to_ascii_lowercase()), row)))
        }
        (PolicySortField::Failing, order) => {
            let sorted = page.sorted(matching, failing_in(hosts), Column::Id, order);
            let sorted = sorted.expr_as(failing_in(hosts), "failing").into_model::<Failing>();
            let key = |row: &Failing| key(SortValue::Integer(row.failing), &row.policy);
            Ok(Page::of(sorted.all(db).await?, page, key).map(|row| row.policy))
        }
    }
}

fn key(value: SortValue, policy: &Model) -> Key {
    Key { sort: Some(value), id: policy.id.0 }
}

/// How many match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    hosts: &Scope,
    wanted: Wanted<'_>,
) -> Result<u64, StoreError> {
    Ok(visible(scope).filter(wanted.condition(hosts)).count(db).await?)
}

/// The labels that narrow policies, each with whether hosts that have it are left out, in the order of ids; a policy that
/// none narrows is left out. The policies are in scope.
///
/// # Errors
/// When the database fails.
pub async fn labels_of<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    policies: Option<&[PolicyId]>,
) -> Result<BTreeMap<PolicyId, Vec<(LabelId, bool)>>, StoreError> {
    let mut narrowed: BTreeMap<PolicyId, Vec<(LabelId, bool)>> = BTreeMap::new();
    let rows = policy_labels::Entity::find()
        .filter(policy_labels::Column::PolicyId.in_subquery(ids_in(scope)))
        .order_by_asc(policy_labels::Column::LabelId);
    let rows = match policies {
        Some(ids) => rows.filter(policy_labels::Column::PolicyId.is_in(ids.iter().copied())),
        None => rows,
    };
    for row in rows.all(db).await? {
        narrowed.entry(row.policy_id).or_default().push((row.label_id, row.is_excluded));
    }
    Ok(narrowed)
}

/// Puts labels in the place of those that narrow a policy.
///
/// # Errors
/// When the database fails.
pub async fn set_labels(
    tx: &DatabaseTransaction,
    policy: PolicyId,
    labels: impl IntoIterator<Item = (LabelId, bool)>,
) -> Result<(), StoreError> {
    use policy_labels::{ActiveModel, Column, Entity};
    Entity::delete_many().filter(Column::PolicyId.eq(policy)).exec(tx).await?;
    let row = |(label, is_excluded)| ActiveModel {
        policy_id: Set(policy),
        label_id: Set(label),
        is_excluded: Set(is_excluded),
    };
    let rows: Vec<ActiveModel> = labels.into_iter().map(row).collect();
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn ids_in(scope: &Scope) -> SelectStatement {
    Query::select().column(Column::Id).from(Entity).cond_where(scoped_or_global(Column::TeamId, scope)).take()
}

fn visible(scope: &Scope) -> Select<Entity> {
    Entity::find().filter(scoped_or_global(Column::TeamId, scope))
}
