//! The tables come up and go down on both databases, empty or not, and hold what the entities say.

mod rows;

use migration::{Migrator, MigratorTrait as _};
use muster::clock::Clock;
use muster::store::{Store, StoreSettings};

use crate::harness::block_on;
use crate::harness::services::{not_run, postgres::postgres};

/// Makes a test of each law for each database.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        mod $name {
            $(#[$doc])*
            #[test]
            fn sqlite() {
                super::block_on(super::on_sqlite(super::laws::$name));
            }

            $(#[$doc])*
            #[test]
            fn postgres() {
                let test = concat!("migrations::", stringify!($name), "::postgres");
                super::block_on(super::on_postgres(test, super::laws::$name));
            }
        }
    )*};
}

on_both! {
    /// Up, down and up again on an empty database.
    round_trip
    /// Rows of every table read back as they were, survive a migration, and do not hinder the way down.
    rows_of_every_table
    /// Servers that start at once migrate one after the other.
    at_once
    /// A database of the future is refused in one sentence and left alone.
    future
}

/// The laws, for any store.
mod laws {
    use muster::store::StoreError;
    use sea_orm::{ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _};

    use super::*;

    pub(super) async fn round_trip(store: Store) {
        store.migrate().await.expect("up");
        store.migrate().await.expect("up again: nothing to do");
        store.unmigrate().await.expect("down");
        assert_eq!(steps(&store).await, 0);
        store.migrate().await.expect("up once more");
        assert_eq!(entity::labels::Entity::find().count(store.reader()).await.expect("labels"), 5);
    }

    pub(super) async fn rows_of_every_table(store: Store) {
        store.migrate().await.expect("up");
        rows::insert_everywhere(&store).await;
        store.migrate().await.expect("up with rows");
        rows::read_everywhere(&store).await;
        store.unmigrate().await.expect("down with rows");
        store.migrate().await.expect("up again");
        assert_eq!(entity::hosts::Entity::find().count(store.reader()).await.expect("hosts"), 0);
    }

    pub(super) async fn at_once(store: Store) {
        let (one, other) = tokio::join!(store.migrate(), store.migrate());
        one.and(other).expect("both up");
        assert_eq!(steps(&store).await, Migrator::migrations().len());
    }

    pub(super) async fn future(store: Store) {
        store.migrate().await.expect("up");
        let tx = store.begin().await.expect("a transaction");
        let flying_cars =
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_flying_cars', 0)";
        tx.execute_unprepared(flying_cars).await.expect("a step of the future");
        tx.commit().await.expect("commit");
        let refusal = store.migrate().await.expect_err("it is newer");
        assert!(matches!(refusal, StoreError::Schema(_)));
        assert!(refusal.to_string().starts_with("the database is newer than this muster: "), "{refusal}");
        assert_eq!(steps(&store).await, Migrator::migrations().len() + 1);
    }
}

/// How many steps were taken.
async fn steps(store: &Store) -> usize {
    let tx = store.begin().await.expect("a transaction");
    Migrator::get_migration_models(&tx).await.expect("steps").len()
}

async fn on_sqlite<T: Future<Output = ()>>(law: impl Fn(Store) -> T) {
    let directory = tempfile::tempdir().expect("a directory");
    law(connect(format!("sqlite://{}/muster.db?mode=rwc", directory.path().display())).await).await;
}

async fn on_postgres<T: Future<Output = ()>>(test: &str, law: impl Fn(Store) -> T) {
    match postgres() {
        Ok(server) => {
            let database = server.database().await;
            law(connect(database.url.clone()).await).await;
            database.remove().await;
        }
        Err(missing) => not_run(test, &missing),
    }
}

async fn connect(url: String) -> Store {
    let settings = StoreSettings { url, max_connections: 4 };
    Store::connect(&settings, Clock::System).await.expect("the database of the test can be reached")
}
