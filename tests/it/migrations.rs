//! The tables come up and go down on both databases, empty or not, and hold what the entities say.

pub mod rows;

use migration::{Migrator, MigratorTrait as _};
use muster::store::{Store, StoreError};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _};

use crate::harness::services::postgres::connect;
use crate::harness::stores::on_both_stores;

/// Notes a step of the future.
const FLYING_CARS: &str =
    "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_flying_cars', 0)";

/// Makes a database newer than this version.
pub async fn add_a_step_of_the_future(url: &str) {
    let db = connect(url).await;
    db.execute_unprepared(FLYING_CARS).await.expect("it was migrated");
    db.close().await.expect("it closes");
}

on_both_stores! {
    /// Up, down and up again on an empty database.
    async fn round_trip(store: Store) {
        store.migrate().await.expect("up");
        store.migrate().await.expect("up again: nothing to do");
        store.unmigrate().await.expect("down");
        assert_eq!(steps(&store).await, 0);
        store.migrate().await.expect("up once more");
        assert_eq!(entity::labels::Entity::find().count(store.reader()).await.expect("labels"), 5);
    }

    /// Rows of every table read back as they were, survive a migration, and do not hinder the way down.
    async fn rows_of_every_table(store: Store) {
        store.migrate().await.expect("up");
        rows::insert_everywhere(&store).await;
        store.migrate().await.expect("up with rows");
        rows::read_everywhere(&store).await;
        store.unmigrate().await.expect("down with rows");
        store.migrate().await.expect("up again");
        assert_eq!(entity::hosts::Entity::find().count(store.reader()).await.expect("hosts"), 0);
    }

    /// Servers that start at once migrate one after the other.
    async fn at_once(store: Store) {
        let (one, other) = tokio::join!(store.migrate(), store.migrate());
        one.and(other).expect("both up");
        assert_eq!(steps(&store).await, Migrator::migrations().len());
    }

    /// A database of the future is refused in one sentence and left alone.
    async fn future(store: Store) {
        store.migrate().await.expect("up");
        let tx = store.begin().await.expect("a transaction");
        tx.execute_unprepared(FLYING_CARS).await.expect("a step of the future");
        tx.commit().await.expect("commit");
        let refusal = store.migrate().await.expect_err("it is newer");
        assert!(matches!(refusal, StoreError::Schema(_)));
        assert!(refusal.to_string().starts_with("the database is newer than this muster: "), "{refusal}");
        assert_eq!(steps(&store).await, Migrator::migrations().len() + 1);
    }

    /// Ids of deleted rows are not given again.
    async fn ids_are_not_reused(store: Store) {
        store.migrate().await.expect("up");
        let first = rows::new_host(&store).await;
        let tx = store.begin().await.expect("a transaction");
        entity::hosts::Entity::delete_by_id(first).exec(&tx).await.expect("gone");
        tx.commit().await.expect("commit");
        assert!(rows::new_host(&store).await > first);
    }
}

/// How many steps were taken.
async fn steps(store: &Store) -> usize {
    let tx = store.begin().await.expect("a transaction");
    Migrator::get_migration_models(&tx).await.expect("steps").len()
}
