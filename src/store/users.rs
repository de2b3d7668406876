//! Table `users`. Users have no team of their own: those with a role in a team of the scope are in it.

use std::collections::HashMap;

use entity::id::{PublicId, TeamId, UserId};
use entity::kind::Role;
use entity::team_members;
use entity::users::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::page::{Key, Page, PageRequest};
use super::{StoreError, scoped, text};
use crate::policy::{Scope, Teams, keepers};

/// A user with the roles in teams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The row.
    pub user: Model,
    /// Role by team.
    pub teams: Vec<(TeamId, Role)>,
}

/// Stores a new user and answers it with its id.
///
/// # Errors
/// A unique violation when the e-mail is taken; when the database fails.
pub async fn insert(tx: &DatabaseTransaction, user: ActiveModel) -> Result<Model, StoreError> {
    Ok(user.insert(tx).await?)
}

/// Stores the columns that are set.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &DatabaseTransaction, user: ActiveModel) -> Result<Model, StoreError> {
    Ok(user.update(tx).await?)
}

/// Deletes a user, and with it roles in teams, sessions and API tokens.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &DatabaseTransaction, id: UserId) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Locks a user and answers it.
///
/// # Errors
/// When the database fails.
pub async fn lock(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: &PublicId,
) -> Result<Option<Found>, StoreError> {
    let row = Entity::find().filter(Column::PublicId.eq(id.clone())).filter(in_scope(scope));
    if row.lock_exclusive().one(tx).await?.is_none() {
        return Ok(None);
    }
    Ok(by_public_ids(tx, scope, std::slice::from_ref(id)).await?.pop())
}

/// How many enabled users with a global role of the policy's keepers there are beside one. The lock on admins is held.
///
/// # Errors
/// When the database fails.
pub async fn other_admins(
    tx: &DatabaseTransaction,
    _scope: &Scope,
    beside: UserId,
) -> Result<u64, StoreError> {
    let admins = Entity::find()
        .filter(Column::Role.is_in(keepers().iter().copied()))
        .filter(Column::DisabledAt.is_null());
    Ok(admins.filter(Column::Id.ne(beside)).count(tx).await?)
}

/// Which users are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// With a role in this team.
    pub team: Option<TeamId>,
    /// With this in their name or e-mail, in any case.
    pub search: Option<&'a str>,
}

impl Wanted<'_> {
    fn condition(&self) -> Condition {
        let part = |part| {
            Condition::any().add(text::contains(Column::Name, part)).add(text::contains(Column::Email, part))
        };
        Condition::all()
            .add_option(
                self.team.map(|team| {
                    Column::Id.in_subquery(members(team_members::Column::TeamId.eq(team).into()))
                }),
            )
            .add_option(self.search.map(part))
    }
}

/// A page, by id.
///
/// # Errors
/// When the database fails.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    wanted: Wanted<'_>,
    page: &PageRequest,
) -> Result<Page<Found>, StoreError> {
    let select = Entity::find().filter(in_scope(scope)).filter(wanted.condition());
    let rows = page.by_id(select, Column::Id).all(db).await?;
    let mut teams = teams_of(db, &rows).await?;
    let page = Page::of(rows, page, |row| Key::by_id(row.id.0));
    Ok(page.map(|user| {
        let teams = teams.remove(&user.id).unwrap_or_default();
        Found { user, teams }
    }))
}

/// How many match.
///
/// # Errors
/// When the database fails.
pub async fn count<C: ConnectionTrait>(db: &C, scope: &Scope, wanted: Wanted<'_>) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(in_scope(scope)).filter(wanted.condition()).count(db).await?)
}

/// Replaces the hash of a password; false when it was changed from `old` meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn replace_password_hash(
    tx: &DatabaseTransaction,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(new))
        .filter(Column::Id.eq(id))
        .filter(Column::PasswordHash.eq(old))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Whether there is a user.
///
/// # Errors
/// When the database fails.
pub async fn any<C: ConnectionTrait>(db: &C, _scope: &Scope) -> Result<bool, StoreError> {
    Ok(Entity::find().one(db).await?.is_some())
}

/// Users by inside id.
///
/// # Errors
/// When the database fails.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[UserId],
) -> Result<Vec<Found>, StoreError> {
    find(db, scope, Column::Id.is_in(ids.iter().copied()).into()).await
}

/// Users by outside id.
///
/// # Errors
/// When the database fails.
pub async fn by_public_ids<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    ids: &[PublicId],
) -> Result<Vec<Found>, StoreError> {
    find(db, scope, Column::PublicId.is_in(ids.iter().cloned()).into()).await
}

/// The user of an e-mail in lower case.
///
/// # Errors
/// When the database fails.
pub async fn by_email<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    email: &str,
) -> Result<Option<Found>, StoreError> {
    Ok(find(db, scope, Column::Email.eq(email).into()).await?.pop())
}

/// Every user, by e-mail.
///
/// # Errors
/// When the database fails.
pub async fn all<C: ConnectionTrait>(db: &C, scope: &Scope) -> Result<Vec<Found>, StoreError> {
    find(db, scope, Condition::all()).await
}

async fn find<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    condition: Condition,
) -> Result<Vec<Found>, StoreError> {
    let users = Entity::find().filter(in_scope(scope)).filter(condition).order_by_asc(Column::Email);
    let users = users.all(db).await?;
    let mut teams = teams_of(db, &users).await?;
    let found = users.into_iter().map(|user| {
        let teams = teams.remove(&user.id).unwrap_or_default();
        Found { user, teams }
    });
    Ok(found.collect())
}

async fn teams_of<C: ConnectionTrait>(
    db: &C,
    users: &[Model],
) -> Result<HashMap<UserId, Vec<(TeamId, Role)>>, StoreError> {
    let mut teams: HashMap<UserId, Vec<(TeamId, Role)>> = HashMap::new();
    for users in users.chunks(1_000) {
        let ids = users.iter().map(|user| user.id);
        let members = team_members::Entity::find().filter(team_members::Column::UserId.is_in(ids));
        for member in members.all(db).await? {
            teams.entry(member.user_id).or_default().push((member.team_id, member.role));
        }
    }
    Ok(teams)
}

fn in_scope(scope: &Scope) -> Condition {
    if *scope.teams() == Teams::All {
        return Condition::all();
    }
    Condition::all().add(Column::Id.in_subquery(members(scoped(team_members::Column::TeamId, scope))))
}

/// The ids of the users whose role in a team meets a condition.
fn members(condition: Condition) -> SelectStatement {
    let mut members = Query::select();
    members.column(team_members::Column::UserId).from(team_members::Entity).cond_where(condition);
    members
}
