//! Brings the tables up to this binary.

use std::collections::BTreeSet;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend};

use super::locks::{self, Lock};
use super::pools::begin_on;
use super::{Store, StoreError};

impl Store {
    /// Brings the schema up to this binary, in one transaction, under an advisory lock on PostgreSQL: who is killed
    /// meanwhile leaves it as it was. Then the store is open.
    ///
    /// # Errors
    /// [`StoreError::Schema`] when the database is newer than this binary.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        up(self.begin_unopened().await?).await?;
        self.open();
        Ok(())
    }

    /// Takes every step back, and with it every row. For tests and for who really means it.
    ///
    /// # Errors
    /// [`StoreError::Schema`] when the database is newer than this binary.
    pub async fn unmigrate(&self) -> Result<(), StoreError> {
        let tx = self.begin_unopened().await?;
        wait_for_turn(&tx).await?;
        refuse_newer(&tx).await?;
        Migrator::down(&tx, None).await?;
        Ok(tx.commit().await?)
    }
}

/// As [`Store::migrate`], on a connection of its own.
pub(super) async fn migrate_on(db: &DatabaseConnection) -> Result<(), StoreError> {
    up(begin_on(db).await?).await
}

async fn up(tx: DatabaseTransaction) -> Result<(), StoreError> {
    wait_for_turn(&tx).await?;
    refuse_newer(&tx).await?;
    Migrator::up(&tx, None).await?;
    Ok(tx.commit().await?)
}

/// Only one server migrates; the others wait as long as it takes and then find nothing to do.
async fn wait_for_turn(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    }
    locks::exclusive(tx, Lock::Migration).await
}

async fn refuse_newer(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    Migrator::install(tx).await?;
    let known: BTreeSet<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(tx).await?;
    match applied.into_iter().find(|step| !known.contains(&step.version)) {
        None => Ok(()),
        Some(step) => Err(StoreError::Schema(format!(
            "the database is newer than this muster: it has the step {}, which this version does not know",
            step.version
        ))),
    }
}
