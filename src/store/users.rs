//! Table `users`. Users have no team of their own: those with a role in a team of the scope are in it.

use std::collections::HashMap;

use entity::id::{PublicId, TeamId, UserId};
use entity::kind::Role;
use entity::team_members;
use entity::users::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder,
};

use super::{StoreError, scoped};
use crate::policy::{Scope, Teams};

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
    let members = Query::select()
        .column(team_members::Column::UserId)
        .from(team_members::Entity)
        .cond_where(scoped(team_members::Column::TeamId, scope))
        .take();
    Condition::all().add(Column::Id.in_subquery(members))
}
