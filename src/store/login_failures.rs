//! Table `login_failures`: what sign-ins failed of late, for all servers.

use entity::login_failures::{ActiveModel, Column, Entity, Model};
use entity::time::Timestamp;
use sea_orm::ColumnTrait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::StoreError;
use crate::policy::Scope;

/// Stores a failure.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &DatabaseTransaction, failure: ActiveModel) -> Result<(), StoreError> {
    Entity::insert(failure).exec_without_returning(tx).await?;
    Ok(())
}

/// Failures from a source after a time, newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn of_source<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    source: &str,
    after: Timestamp,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let found = Entity::find().filter(Column::Source.eq(source)).filter(Column::FailedAt.gt(after));
    Ok(found.order_by_desc(Column::FailedAt).limit(limit).all(db).await?)
}

/// Failures on an account from a source after a time, newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn of_account<C: ConnectionTrait>(
    db: &C,
    _scope: &Scope,
    (account, source): (&[u8], &str),
    after: Timestamp,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let found = Entity::find()
        .filter(Column::Source.eq(source))
        .filter(Column::Account.eq(account))
        .filter(Column::FailedAt.gt(after));
    Ok(found.order_by_desc(Column::FailedAt).limit(limit).all(db).await?)
}

/// Forgets the failures on an account from a source.
///
/// # Errors
/// When the database fails.
pub async fn forgive(tx: &DatabaseTransaction, account: &[u8], source: &str) -> Result<(), StoreError> {
    let own = Entity::delete_many().filter(Column::Source.eq(source)).filter(Column::Account.eq(account));
    own.exec(tx).await?;
    Ok(())
}

/// Deletes failures before a time.
///
/// # Errors
/// When the database fails.
pub async fn delete_before<C: ConnectionTrait>(db: &C, time: Timestamp) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::FailedAt.lt(time)).exec(db).await?;
    Ok(())
}
